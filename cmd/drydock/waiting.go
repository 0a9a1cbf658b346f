package main

import (
	"fmt"
	"sync"
	"time"
)

// waiting tells a person at a terminal, on standard error, that something takes long and for how long already. The function that it returns takes
// that away again; it must be called.
func (a *app) waiting(what string) (stop func()) {
	if a.err.width == 0 {
		return func() {}
	}
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		begun := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		said := false
		for {
			select {
			case <-tick.C:
				line := fmt.Sprintf("%s … %d s", plain(what), int(time.Since(begun)/time.Second))
				fmt.Fprintf(a.err, "\r\x1b[K%s", shorten(line, a.err.width-1))
				said = true
			case <-ended:
				if said {
					fmt.Fprint(a.err, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(ended)
		<-gone
	})
}
