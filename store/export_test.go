package store

import (
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Statements returns the text of every statement that this store has run so far, as the database gets it.
func (s *Store) Statements() []string {
	var list []string
	s.d.known.Range(func(_, text any) bool {
		list = append(list, text.(string))
		return true
	})
	slices.Sort(list)
	return list
}

// TracePostgres has every statement from now on, with its arguments, told to tracer. The store must be idle.
func (s *Store) TracePostgres(tracer pgx.QueryTracer) error {
	config, err := postgresConfig(s.where)
	if err != nil {
		return err
	}
	config.Tracer = tracer
	if err := s.db.Close(); err != nil {
		return err
	}
	s.db = stdlib.OpenDB(*config)
	s.reads = s.db
	return nil
}
