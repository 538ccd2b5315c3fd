package app

import (
	"fmt"
	"html"
	"strings"
	"unicode"

	"bff/internal/oauth/providers"
)

// marksFile is the name of the sheet of marks among the account page's files.
const marksFile = "marks.svg"

// Marks is a sheet of SVG symbols, one for each provider that has a color: letters of its title on it, drawn here, and
// nobody's logo. A symbol's id is the provider's name.
func Marks(all []providers.Config) []byte {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">` + "\n")
	for _, p := range all {
		color := aboutOf(p).Color
		if color == "" {
			continue
		}
		letters := lettersOf(p.Title, p.Name)
		size := 20 - 3*(len([]rune(letters))-1)
		fmt.Fprintf(&b, `<symbol id="%s" viewBox="0 0 44 44"><rect width="44" height="44" rx="12" fill="%s"/>`+
			`<text x="22" y="22" dy=".35em" text-anchor="middle" font-family="system-ui, sans-serif" font-size="%d" `+
			`font-weight="650" fill="#fff">%s</text></symbol>`+"\n",
			html.EscapeString(p.Name), html.EscapeString(color), size, html.EscapeString(letters))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// lettersOf are one or two letters for a title: its capitals, or its first letter.
func lettersOf(title, name string) string {
	var capitals []rune
	for _, r := range title {
		if unicode.IsUpper(r) || unicode.IsDigit(r) {
			capitals = append(capitals, r)
		}
	}
	if len(capitals) > 0 {
		return string(capitals[:min(2, len(capitals))])
	}
	for _, r := range title + name {
		if unicode.IsLetter(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "?"
}

// aboutOf is what people should know of a provider: its own, or that of the built-in one with its issuer.
func aboutOf(p providers.Config) providers.About {
	if p.About.Color != "" || len(p.About.Scopes) > 0 || p.Issuer == "" {
		return p.About
	}
	if built, ok := providers.BuiltinOf(p.Issuer); ok {
		return built.About
	}
	return p.About
}

// A description is what the account page is given of a provider. A scope's words are kind, English, German.
type description struct {
	Color  string               `json:"color,omitempty"`
	Scopes map[string][3]string `json:"scopes,omitempty"`
}

func describe(all []providers.Config) map[string]description {
	out := map[string]description{}
	for _, p := range all {
		about := aboutOf(p)
		one := description{Color: about.Color, Scopes: map[string][3]string{}}
		for scope, w := range about.Scopes {
			one.Scopes[scope] = [3]string{w.Kind, w.English, w.German}
		}
		out[p.Name] = one
	}
	return out
}
