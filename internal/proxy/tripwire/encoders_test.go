package tripwire_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

// Of each of these secrets one character stands as an escape, and nothing else in the body does.
func TestOneEscapedCharacterDoesNotHideASecret(t *testing.T) {
	for c := byte('!'); c <= '~'; c++ {
		before, after := "abcdefgh01234567", "ABCDEFGHIJKLMNOPqrstuvwxyz89"
		s := before + string(c) + after
		for _, escape := range escapesOf(c) {
			checkNothingGoesOut(t, s, before+escape+after)
		}
	}
}

func TestAReferenceNeedsNoSemicolonBeforeADigit(t *testing.T) {
	checkNothingGoesOut(t, "abcdefgh01234567<01234567ABCDEFGHIJKL", "abcdefgh01234567&lt01234567ABCDEFGHIJKL")
}

// escapesOf are the ways in which a character of a secret may stand. A backslash of a secret is not among them: it is
// dropped where an escape of another character brought the second look.
func escapesOf(c byte) []string {
	if c == '\\' || c == '%' || c == '&' {
		return nil
	}
	var list []string
	for _, format := range []string{`\x%02x`, `\x%02X`, `\u%04x`, `\u%04X`, `\u{%x}`, `\u{%06X}`, "&#%d;", "&#%05d;", "&#x%x;",
		"&#X%X;", "&#x00%x;", "%%%02x", "%%%02X", "%%25%02X", "%%2525%02x", "%%252525%02x", "%%25252525%02x", "&amp;#%d;",
		"&amp;amp;amp;amp;#x%X;", "&percnt;%02x", "&bsol;u%04x", `\u0026#%d;`, `\u005cu%04x`, `\\u%04x`} {
		list = append(list, fmt.Sprintf(format, c))
	}
	if special(c) {
		list = append(list, `\`+string(c), `\\\`+string(c))
	}
	for _, name := range characterNames[c] {
		list = append(list, "&"+name+";", "&amp;"+name+";")
		if c == '"' || c == '<' || c == '>' {
			list = append(list, "&"+name)
		}
	}
	return list
}

// characterNames are those of HTML, section 13.5.
var characterNames = map[byte][]string{
	'!': {"excl"}, '"': {"quot", "QUOT"}, '#': {"num"}, '$': {"dollar"}, '\'': {"apos"}, '(': {"lpar"}, ')': {"rpar"},
	'*': {"ast", "midast"}, '+': {"plus"}, ',': {"comma"}, '.': {"period"}, '/': {"sol"}, ':': {"colon"}, ';': {"semi"},
	'<': {"lt", "LT"}, '=': {"equals"}, '>': {"gt", "GT"}, '?': {"quest"}, '@': {"commat"}, '[': {"lsqb", "lbrack"},
	']': {"rsqb", "rbrack"}, '^': {"Hat"}, '_': {"lowbar", "UnderBar"}, '`': {"grave"},
	'{': {"lcub", "lbrace"}, '|': {"verbar", "vert"}, '}': {"rcub", "rbrace"},
}

// checkNothingGoesOut wants form masked in a body, however it comes, and in a value.
func checkNothingGoesOut(t *testing.T, s, form string) {
	t.Helper()
	set := tripwire.New(secret.New(s))
	var streams tripwire.Streams
	for _, size := range []int{1, 5, 1 << 10} {
		stream := streams.New(set)
		var got []byte
		for piece := range slices.Chunk([]byte("it is: "+form+"!"), size) {
			out, _ := stream.Pass(bytes.Clone(piece), false)
			got = append(got, out...)
		}
		out, _ := stream.Pass(nil, true)
		got = append(got, out...)
		stream.Close()
		if !bytes.HasSuffix(got, []byte(strings.Repeat("*", len(form)-8)+"!")) {
			t.Errorf("%q in chunks of %d went out as %q", form, size, got)
		}
	}
	if masked, hit := set.MaskString("v=" + form + ";"); !hit || masked != "v="+strings.Repeat("*", len(form))+";" {
		t.Errorf("%q as a value: %q", form, masked)
	}
	if !set.In(form) {
		t.Errorf("%q is not found", form)
	}
}

func TestASecretInEitherAlphabetOfBase64IsMasked(t *testing.T) {
	const s = "xx~~~???>>>~~~???>>>abcdefghijklmnopqrstuvwxyz"
	for skip := range 3 {
		whole := []byte(s[skip : skip+(len(s)-skip)/3*3])
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			form := e.EncodeToString(whole)
			checkNothingGoesOut(t, s, form)
			checkNothingGoesOut(t, s, strings.ReplaceAll(form, "/", `\/`)) // the secret has no slash of its own
		}
	}
}

func TestAnEscapedCharacterThatIsNoASCIIIsNoneOfASecret(t *testing.T) {
	set := tripwire.New(secret.New("abcdefgh01234567AABCDEFGHIJKLMNOP"))
	for _, escape := range []string{`\u0141`, `\u{10041}`, "&#321;", "&#x2041;", "%C1", `\xc1`} {
		if v := "abcdefgh01234567" + escape + "ABCDEFGHIJKLMNOP \\x41"; set.In(v) {
			t.Errorf("%q is taken for the secret", v)
		}
	}
}

// Each encoder of addresses leaves other characters as they are.
func TestASecretInAnAddressIsFoundWhoeverEncodedIt(t *testing.T) {
	const s = "EwB4A8l6BAAU/kFk~1!R9x+0jzM*b_QpL/77w-YgT:c3d.9a$$hG=="
	for encoder, bare := range map[string]string{
		"quote of Python":               "/_.-~",
		"quote_plus of Python":          "_.-~",
		"encodeURIComponent":            "-_.!~*'()",
		"encodeURI":                     "-_.!~*'();/?:@&=+$,#",
		"escape of JavaScript":          "@*_+-./",
		"URLEncoder of Java":            ".-*_",
		"rawurlencode":                  "-_.~",
		"QueryEscape of Go":             "-_.~",
		"PathEscape of Go":              "-_.~$&+=:@",
		"EscapeDataString of .NET 4":    "-_.!~*'()",
		"a form of a browser":           "*-._",
		"everything that is reserved":   "-_.~!'()*",
		"a single one, the plus":        "-_.~!'()*/:$=",
		"a single one, the last equals": "-_.~!'()*/:$+",
	} {
		for _, format := range []string{"%%%02X", "%%%02x", "%%25%02X"} {
			form := each(s, func(c byte) bool { return special(c) && strings.IndexByte(bare, c) < 0 }, format)
			t.Run(encoder, func(t *testing.T) { checkNothingGoesOut(t, s, form) })
		}
	}
}
