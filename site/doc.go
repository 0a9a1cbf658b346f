// Package site says what a site is and what can be found wrong with it. It is pure: no I/O, no clock, nothing is logged.
//
// An error of the stages that make a site means that we could not look; a [Finding] means that we looked and it is wrong.
package site
