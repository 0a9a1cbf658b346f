package main

import (
	"strings"
	"time"
)

// setOptional takes an empty value for "none".
func setOptional(to *string, v []string) error {
	*to = strings.TrimSpace(v[len(v)-1])
	return nil
}

// none reports whether a value is 0, in whatever unit.
func none(v []string) bool {
	text := strings.TrimSpace(v[len(v)-1])
	return text == "0" || text == "0s"
}

func setByteCountOrNone(to *int64, v []string) error {
	if none(v) {
		*to = 0
		return nil
	}
	return setByteCount(to, v)
}

func setDurationOrNone(to *time.Duration, v []string) error {
	if none(v) {
		*to = 0
		return nil
	}
	return setDuration(to, v)
}
