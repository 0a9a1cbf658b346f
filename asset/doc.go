// Package asset makes what a node gets when it boots for the first time: the files, units and packages of the boot actions that are meant for it, and
// the identities by which it reports of them.
package asset
