package tripwire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

// awkward is a token of every character that some encoder escapes.
const awkward = `1//0gAB+cd/ef=gh_ij-kl.mn~op<qr>st&uv'wx"yz-ABCDEFGHIJKLMN==`

// each replaces the characters of s for which is says so.
func each(s string, is func(c byte) bool, format string) string {
	var b strings.Builder
	for i := range len(s) {
		if is(s[i]) {
			fmt.Fprintf(&b, format, s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func special(c byte) bool {
	return !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9')
}

func all(byte) bool { return true }

// escapedForms are ways in which encoders write s.
func escapedForms(s string) map[string]string {
	quoted, _ := json.Marshal(s)
	again, _ := json.Marshal(string(quoted))
	page, _ := json.Marshal(html.EscapeString(s))
	return map[string]string{
		"JSON of Go":                       string(quoted[1 : len(quoted)-1]),
		"JSON in JSON":                     strings.Trim(string(again), `\"`),
		"JSON with every special as \\u":   each(s, special, `\u%04x`),
		"JSON with every character as \\u": each(s, all, `\u%04X`),
		"JavaScript \\x":                   each(s, special, `\x%02x`),
		"JavaScript \\u{}":                 each(s, special, `\u{%x}`),
		"HTML of Go":                       html.EscapeString(s),
		"HTML, decimal":                    each(s, special, "&#%d;"),
		"HTML, hexadecimal":                each(s, special, "&#x%X;"),
		"percent of every character":       each(s, all, "%%%02X"),
		"percent of letters alone":         each(s, func(c byte) bool { return !special(c) }, "%%%02x"),
		"percent of every other character": percentOfSome(s),
		"percent twice":                    each(each(s, special, "%%%02X"), func(c byte) bool { return c == '%' }, "%%%02X"),
		"HTML with zeros":                  each(s, special, "&#x0000%x;"),
		"HTML of every character":          each(s, all, "&#%d;"),
		"HTML without semicolons":          each(s, all, "&#%d"),
		"HTML in JSON of Go":               strings.Trim(string(page), `"`),
		"HTML twice":                       html.EscapeString(html.EscapeString(s)),
		"HTML names": strings.NewReplacer("+", "&plus;", "/", "&sol;", "=", "&equals;", "&",
			"&amp;").Replace(s),
		"escaped slashes of base64": strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(s[:len(s)/3*3])), "/",
			`\/`),
		"base64 in JSON of Go with \\u002b": strings.ReplaceAll(
			base64.StdEncoding.EncodeToString([]byte(s[:len(s)/3*3])),
			"+",
			`\u002b`,
		),
		"percent in JSON":         strings.ReplaceAll(url.QueryEscape(s), "%", `\u0025`),
		"slashes escaped in JSON": strings.ReplaceAll(s, "/", `\/`),
		"slashes escaped in JSON, others \\u": strings.ReplaceAll(each(s,
			func(c byte) bool { return c == '+' || c == '=' }, `\u%04x`), "/", `\/`),
		"slashes escaped in JSON within JSON": strings.ReplaceAll(s, "/", `\\\/`),
	}
}

func percentOfSome(s string) string {
	i := 0
	return each(s, func(c byte) bool { i++; return special(c) || i%2 == 0 }, "%%%02X")
}

// left returns how many bytes of a form are left at the beginning of got, -1 when what follows them is not masked.
func left(got, form string) int {
	n := 0
	for n < len(form) && got[n] == form[n] && got[n] != '*' {
		n++
	}
	if strings.Trim(got[n:len(form)], "*") != "" {
		return -1
	}
	return n
}

func TestASecretWithEscapesInItIsMasked(t *testing.T) {
	const before, between = `{"x":"\u0061 \n & &amp; 100% \\","t":"`, `","more":"\/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz","t":"`
	var streams tripwire.Streams
	for _, s := range []string{awkward, refresh, token} {
		set := tripwire.New(secret.New(s))
		for name, form := range escapedForms(s) {
			body := before + form + between + form + "end"
			for _, size := range []int{1, 2, 3, 7, 16, 33, 1 << 20} {
				stream := streams.New(set)
				var got []byte
				for rest := []byte(body); len(rest) > 0; {
					n := min(size, len(rest))
					out, _ := stream.Pass(bytes.Clone(rest[:n]), n == len(rest))
					got = append(got, out...)
					rest = rest[n:]
				}
				stream.Close()
				checkForms(t, fmt.Sprintf("%s of %.10q in chunks of %d", name, s, size), string(got), form, before,
					between, size)
			}
			masked, hit := set.MaskString(before + form + between + form + "end")
			if !hit {
				t.Errorf("%s: not found in a value", name)
			}
			checkForms(t, name+" in a value", masked, form, before, between, 1<<20)
		}
	}
}

func TestASecretWhoseLastEscapeEndsTheBodyIsMasked(t *testing.T) {
	var streams tripwire.Streams
	set := tripwire.New(secret.New(token), secret.New(token[:len(token)-1]+"<"))
	forms := []string{token[:len(token)-1] + "&lt"}
	for _, format := range []string{"&#%d", "&#x%x", "&#x%x;", `\u%04x`, "%%%02x"} {
		forms = append(forms, each(token, all, format))
	}
	for _, form := range forms {
		stream := streams.New(set)
		out, hit := stream.Pass([]byte("x "+form), false)
		got := bytes.Clone(out)
		rest, hitAtEnd := stream.Pass(nil, true)
		got = append(got, rest...)
		stream.Close()
		if !hit && !hitAtEnd || strings.Trim(string(got[2:]), "*") != "" && left(string(got[2:]), form) != 7 {
			t.Errorf("%s: %q went out", form, got)
		}
	}
}

// checkForms wants both forms masked and everything else as it was. Of what comes in pieces seven characters may be
// left.
func checkForms(t *testing.T, name, got, form, before, between string, size int) {
	t.Helper()
	first := len(before)
	second := first + len(form) + len(between)
	if len(got) != second+len(form)+len("end") || got[:first] != before || got[first+len(form):second] != between {
		t.Fatalf("%s: what stands around it changed: %q", name, got)
	}
	most := 0
	if size < len(got) {
		most = 7 * 15 // bytes of the longest escape here
	}
	for _, at := range []int{first, second} {
		n := left(got[at:], form)
		if n < 0 || n > most || n > len(form)/2 {
			t.Fatalf("%s: %d bytes of it are left in %q", name, n, got)
		}
	}
}

// Nothing else around it has an escape.
func TestASecretIsMaskedWhereverItsOwnEscapesAreTheFirst(t *testing.T) {
	const before, between = "the form has 100% of what it had before: ", " and here it stands once again, between other words: "
	var streams tripwire.Streams
	for _, s := range []string{awkward, refresh, token} {
		set := tripwire.New(secret.New(s))
		for name, form := range escapedForms(s) {
			body := before + form + between + form + "end"
			for _, size := range []int{16, 33, 1 << 20} {
				stream := streams.New(set)
				var got []byte
				for rest := []byte(body); len(rest) > 0; {
					n := min(size, len(rest))
					out, _ := stream.Pass(bytes.Clone(rest[:n]), n == len(rest))
					got = append(got, out...)
					rest = rest[n:]
				}
				stream.Close()
				checkForms(t, fmt.Sprintf("%s of %.10q in chunks of %d", name, s, size), string(got), form, before,
					between, size)
			}
		}
	}
}

func TestEscapesThatHoldNoSecretPassAtOnce(t *testing.T) {
	var streams tripwire.Streams
	stream := streams.New(tripwire.New(secret.New(awkward)))
	for _, chunk := range []string{`{"a":"\u0041`, `\u0042\/ &amp; &#x2F;`, `&`, `x`, `\`, `n`, `\u00`, `41`, "&am",
		"p;", "%2", "F\x00"} {
		out, hit := stream.Pass([]byte(chunk), false)
		if hit {
			t.Errorf("%q was masked", chunk)
		}
		if n := len(chunk) - len(out); n > 8 {
			t.Errorf("%q: %d bytes held back", chunk, n)
		}
	}
	if out, _ := stream.Pass(nil, true); len(out) != 0 {
		t.Errorf("%q was held back", out)
	}
}
