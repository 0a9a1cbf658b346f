package main

import "drydock/site"

// style marks text for a terminal, or leaves it as it is.
type style bool

// style is on at a terminal unless NO_COLOR or a terminal without colours forbids it.
func (a *app) style() style {
	return style(a.out.width > 0 && a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb")
}

func (s style) with(code, text string) string {
	if !s || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string  { return s.with("1", text) }
func (s style) faint(text string) string { return s.with("2", text) }
func (s style) red(text string) string   { return s.with("31", text) }
func (s style) green(text string) string { return s.with("32", text) }

// level colours a text by how bad it is.
func (s style) level(l site.Level, text string) string {
	switch l {
	case site.Error:
		return s.with("1;31", text)
	case site.Warning:
		return s.with("1;33", text)
	default:
		return s.with("1;36", text)
	}
}
