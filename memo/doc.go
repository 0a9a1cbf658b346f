// Package memo keeps values within bounds ([Cache]) and lets those who want the same value at the same time share the work for it ([Flights]).
package memo
