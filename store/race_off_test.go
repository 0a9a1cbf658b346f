//go:build !race

package store_test

const raced = false // nobody watches for races
