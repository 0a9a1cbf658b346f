package asset

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"drydock"
	"drydock/asset/jinja"
)

// The segments that pipelines are made of. Each takes bytes or text and gives bytes or text; what does not fit is an error.
const (
	segmentTemplate = "template"      // text → text
	segmentDecode   = "base64_decode" // bytes or text → bytes
	segmentEncode   = "base64_encode" // bytes → bytes
	segmentText     = "utf8_decode"   // bytes → text
	segmentBytes    = "utf8_encode"   // text → bytes
)

// A pipeline is bounded, because each base64_encode makes its data larger by a third.
const (
	maxSegments = 50
	maxContent  = 64 << 20 // bytes
)

// content is what flows through a pipeline: text, or bytes that nobody has read yet.
type content struct {
	text bool
	data []byte
}

func textContent(s string) content { return content{true, []byte(s)} }

// failure is an error of one segment and what to do about it.
type failure struct {
	segment, remedy string
	err             error
}

func refuse(remedy, format string, args ...any) *failure {
	return &failure{remedy: remedy, err: fmt.Errorf("%w: "+format, append([]any{drydock.ErrInvalid}, args...)...)}
}

// flow runs c through a pipeline. render makes the text of a template.
func flow(name string, pipeline []string, c content, render func(*jinja.Template) (string, error)) (content, *failure) {
	if len(pipeline) > maxSegments {
		f := refuse("leave out what undoes itself", "the pipeline has more than %d segments", maxSegments)
		f.segment = name
		return content{}, f
	}
	for i, segment := range pipeline {
		next, f := step(segment, c, render)
		if f != nil {
			f.segment = fmt.Sprintf("%s segment %d (%.40s)", name, i+1, segment)
			return content{}, f
		}
		c = next
	}
	return c, nil
}

func step(segment string, c content, render func(*jinja.Template) (string, error)) (content, *failure) {
	switch segment {
	case segmentTemplate:
		if !c.text {
			return c, refuse("put utf8_decode before it", "a template is text, and this is bytes")
		}
		return runTemplate(c, render)
	case segmentDecode:
		out, err := decode(c.data)
		if err != nil {
			return c, refuse("check the data, or leave this segment out", "%w", err)
		}
		return content{data: out}, nil
	case segmentEncode:
		if c.text {
			return c, refuse("put utf8_encode before it", "bytes are encoded, and this is text")
		}
		if len(c.data) > maxContent/4*3 {
			return c, refuse("make it smaller", "the data would have more than %d bytes", maxContent)
		}
		return content{data: base64.StdEncoding.AppendEncode(nil, c.data)}, nil
	case segmentText:
		if c.text {
			return c, refuse("leave this segment out", "bytes are decoded, and this is text already")
		}
		if !utf8.Valid(c.data) {
			return c, refuse("leave this segment and templates out for binary data", "the data is not UTF-8")
		}
		return content{true, c.data}, nil
	case segmentBytes:
		if !c.text {
			return c, refuse("leave this segment out", "text is encoded, and this is bytes already")
		}
		return content{data: c.data}, nil
	}
	return c, refuse("use template, base64_encode, base64_decode, utf8_encode or utf8_decode", "there is no such segment")
}

func runTemplate(c content, render func(*jinja.Template) (string, error)) (content, *failure) {
	t, err := jinja.Parse(string(c.data))
	if err != nil {
		return c, refuse("mend the template", "%w", err)
	}
	text, err := render(t)
	var e *jinja.Error
	switch {
	case err == nil:
		return textContent(text), nil
	case errors.As(err, &e) && e.Limit:
		return c, refuse("make less with one template", "%w", err)
	case e != nil:
		return c, refuse("mend the template", "%w", err)
	}
	return c, &failure{remedy: "make less with one template, or try again", err: fmt.Errorf("%w: the template took too long: %w", drydock.ErrUnavailable, err)}
}

// within renders templates with vars, each within its limits and a time.
func within(ctx context.Context, vars *jinja.Dict, limits jinja.Limits, most time.Duration) func(*jinja.Template) (string, error) {
	return func(t *jinja.Template) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		return t.Render(ctx, vars, limits)
	}
}

// decode reads base 64 as Python does: what is not of the alphabet does not count, and padding that ends a group ends the data.
func decode(src []byte) ([]byte, error) {
	out := make([]byte, 0, len(src)/4*3+3)
	var group uint32
	digits, pads := 0, 0
	for _, c := range src {
		if c == '=' {
			if pads++; digits%4 >= 2 && digits%4+pads >= 4 {
				break
			}
			continue
		}
		v, ok := sextet(c)
		if !ok {
			continue
		}
		pads = 0
		group = group<<6 | uint32(v)
		if digits++; digits%4 == 0 {
			out = append(out, byte(group>>16), byte(group>>8), byte(group))
			group = 0
		}
	}
	switch rest := digits % 4; {
	case rest == 0:
		return out, nil
	case rest == 1:
		return nil, fmt.Errorf("this is not base 64: %d characters of data cannot be 1 more than a multiple of 4", digits)
	case pads+rest < 4:
		return nil, fmt.Errorf("this is not base 64: the padding is not complete")
	case rest == 2:
		return append(out, byte(group>>4)), nil
	default:
		return append(out, byte(group>>10), byte(group>>2)), nil
	}
}

func sextet(c byte) (byte, bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A', true
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26, true
	case c >= '0' && c <= '9':
		return c - '0' + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, false
}
