// Package bench measures the store's operations beside the bare statements that do the same through the same driver, in the same run and on the
// same tables, so that a ratio says what the store costs whatever the machine is doing. docs/benchmarks.md tells how to read the numbers.
package bench
