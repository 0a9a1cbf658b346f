package store

// BeforeStep makes s call f before each statement of a migration; an error of f stops it there, as a crash would.
func BeforeStep(s *Store, f func(statement string) error) { s.beforeStep = f }
