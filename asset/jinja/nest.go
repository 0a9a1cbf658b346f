package jinja

import "github.com/nikolalohinski/gonja/v2/tokens"

// nest refuses what is nested too deeply, and rewrites conditional expressions.
func nest(l *lexer, list []*tokens.Token) []*tokens.Token {
	depth := 0
	for _, t := range list {
		switch t.Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			if depth++; depth > maxNesting {
				l.fail(t.Pos, "more than %d brackets in brackets", maxNesting)
			}
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			depth--
		}
	}
	var out []*tokens.Token
	for i := 0; i < len(list); {
		t := list[i]
		out = append(out, t)
		i++
		if t.Type != tokens.VariableBegin && t.Type != tokens.BlockBegin {
			continue
		}
		end := i
		for end < len(list) && list[end].Type != tokens.VariableEnd && list[end].Type != tokens.BlockEnd && list[end].Type != tokens.EOF {
			end++
		}
		if end-i > maxStatement {
			l.fail(t.Pos, "more than %d words and signs in one statement", maxStatement)
		}
		out = append(out, statement(t, list[i:end])...)
		i = end
	}
	return out
}

// statement rewrites the inside of {{ … }} or {% … %}.
func statement(begin *tokens.Token, inside []*tokens.Token) []*tokens.Token {
	if begin.Type == tokens.VariableBegin || len(inside) == 0 {
		return segments(inside, true)
	}
	keyword := inside[:1:1]
	rest := inside[1:]
	// The if of a loop is not a conditional expression.
	return append(keyword, segments(rest, keyword[0].Val != "for")...)
}

// segments rewrites each part of a list that commas, colons and assignments divide; all is false if only what is in brackets shall be rewritten.
func segments(list []*tokens.Token, all bool) []*tokens.Token {
	var out []*tokens.Token
	from := 0
	flush := func(to int) {
		part := list[from:to]
		if all {
			part = condition(part)
		} else {
			part = brackets(part)
		}
		out = append(out, part...)
	}
	each(list, func(i int, t *tokens.Token) {
		if t.Type == tokens.Comma || t.Type == tokens.Colon || t.Type == tokens.Assign {
			flush(i)
			out = append(out, t)
			from = i + 1
		}
	})
	flush(len(list))
	return out
}

// condition makes "a if b else c" a call with the arguments a, b, c.
func condition(list []*tokens.Token) []*tokens.Token {
	ifs, other := -1, -1
	each(list, func(i int, t *tokens.Token) {
		switch {
		case t.Type != tokens.Name:
		case t.Val == "if" && ifs < 0:
			ifs = i
		case t.Val == "else" && ifs >= 0 && other < 0:
			other = i
		}
	})
	if ifs < 0 {
		return brackets(list)
	}
	at := *list[ifs]
	mark := func(kind tokens.Type, text string) *tokens.Token {
		t := at
		t.Type, t.Val = kind, text
		return &t
	}
	out := []*tokens.Token{mark(tokens.Name, conditional), mark(tokens.LeftParenthesis, "(")}
	out = append(out, brackets(list[:ifs])...)
	out = append(out, mark(tokens.Comma, ","))
	if other < 0 {
		out = append(out, brackets(list[ifs+1:])...)
	} else {
		out = append(out, brackets(list[ifs+1:other])...)
		out = append(out, mark(tokens.Comma, ","))
		out = append(out, condition(list[other+1:])...)
	}
	return append(out, mark(tokens.RightParenthesis, ")"))
}

// brackets rewrites what is in brackets.
func brackets(list []*tokens.Token) []*tokens.Token {
	var out []*tokens.Token
	depth, from := 0, 0
	for i, t := range list {
		switch t.Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			if depth++; depth == 1 {
				out, from = append(out, t), i+1
				continue
			}
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			if depth--; depth == 0 {
				out = append(out, segments(list[from:i], true)...)
			}
		}
		if depth == 0 {
			out = append(out, t)
		}
	}
	if depth > 0 { // the parser will say so
		out = append(out, list[from:]...)
	}
	return out
}

// each calls do for the tokens outside brackets.
func each(list []*tokens.Token, do func(i int, t *tokens.Token)) {
	depth := 0
	for i, t := range list {
		switch t.Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			depth++
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			depth--
		}
		if depth == 0 {
			do(i, t)
		}
	}
}
