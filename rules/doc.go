// Package rules says what a site must satisfy beyond what each of its documents says for itself. Pure: no I/O, no clock.
//
// There is one file for each subject. A rule is a value in one list, in the order in which the rules report. The codes are upstream's, where
// five of them stand for two rules each; the name is what tells rules apart.
package rules
