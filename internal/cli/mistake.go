package cli

import (
	"errors"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// choice is kong's message about an argument that is none of a closed list.
var choice = regexp.MustCompile(`^\[?<[a-z]+>\]? must be one of ("[^ ]+") but got "(.*)"$`)

// meant is kong's message without the words of a parser in it.
func meant(err error) string {
	text := strings.TrimSuffix(err.Error(), `, did you mean "-h"?`)
	if flag, ok := strings.CutSuffix(text, `: expected string value but got "EOL" (<EOL>)`); ok {
		return flag + " needs a value"
	}
	if file, ok := strings.CutPrefix(text, "unexpected argument "); ok && strings.HasSuffix(file, ".yaml") {
		return text + ", did you mean `--config " + file + "`?"
	}
	if name, ok := strings.CutPrefix(text, `expected "<`); ok {
		name, more, _ := strings.Cut(strings.TrimSuffix(name, `"`), ">")
		if next, ok := strings.CutPrefix(more, " <"); ok {
			next, _, _ = strings.Cut(next, ">")
			return "the " + strings.ToUpper(name) + " and the " + strings.ToUpper(next) + " are missing"
		}
		return "the " + strings.ToUpper(name) + " is missing"
	}
	if m := choice.FindStringSubmatch(text); m != nil {
		words := strings.ReplaceAll(strings.ReplaceAll(m[1], `"`, ""), ",", ", ")
		return "unexpected argument " + m[2] + ", expected one of " + words
	}
	switch text {
	case "unexpected argument help":
		return text + ", did you mean `bff --help`?"
	case "unknown flag --version", "unknown flag -v":
		return text + ", did you mean `bff version`?"
	case "unknown flag --config":
		return text + "; it goes behind the command, as in `bff check --config bff.yaml`"
	case "unknown flag -c":
		return text + ", did you mean `--config`?"
	}
	return text
}

// helpFor is the command whose help explains an error.
func helpFor(err error) string {
	var e *kong.ParseError
	if errors.As(err, &e) && e.Context != nil {
		if c := e.Context.Command(); c != "" {
			words := strings.Fields(c)
			for i, w := range words {
				if strings.HasPrefix(w, "<") {
					words = words[:i]
					break
				}
			}
			return strings.Join(append([]string{"bff"}, words...), " ")
		}
	}
	return "bff"
}
