package backend

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxText bounds a header's value, before it is encoded.
const maxText = 512

// setText sets a header to text as [EncodeText] writes it, and leaves it out where there is none.
func setText(h http.Header, name, text string) {
	if text != "" {
		h.Set(name, EncodeText(text))
	}
}

// EncodeText writes a text of somebody else's so that it can stand in a header: as it is where it is visible ASCII,
// and as the ext-value of RFC 8187, UTF-8”…, where it is not, or where it looks like one. What is not UTF-8 is
// replaced, what is too long is cut.
func EncodeText(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxText {
		cut := maxText
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	plain := strings.TrimSpace(text) == text && !strings.HasPrefix(strings.ToUpper(text), "UTF-8'")
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] <= '~'
	}
	if plain {
		return text
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteString("UTF-8''")
	for i := range len(text) {
		if c := text[i]; attrChar(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// attrChar is RFC 8187 section 3.2.1.
func attrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}
