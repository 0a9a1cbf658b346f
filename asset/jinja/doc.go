// Package jinja renders templates in the language of Jinja2 within bounds: of output, of memory, of steps, of depth and of time. What a template can
// reach is what it is given; there are no files, no environment, no other templates. Gonja reads the syntax; what it means is decided here, because
// nothing that evaluates a template freely can be stopped in time.
package jinja
