package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// needles is every form in which a credential could be found again: itself, a piece of it long enough to matter, and
// each of these in base64 of either alphabet at any alignment, in hex, and escaped for URLs.
func needles(credential string) [][]byte {
	pieces := []string{credential}
	if parts := strings.Split(credential, "."); len(parts) == 3 && strings.HasPrefix(credential, "eyJ") {
		pieces = append(pieces, parts[2][:20]) // of a JWT only the signature is nobody else's
	} else if len(credential) >= 32 {
		pieces = append(pieces, credential[:16], credential[len(credential)-16:])
	}
	var all [][]byte
	for _, p := range pieces {
		raw := []byte(p)
		escaped := ""
		for _, b := range raw {
			escaped += fmt.Sprintf("%%%02X", b)
		}
		all = append(
			all,
			raw,
			[]byte(hex.EncodeToString(raw)),
			[]byte(strings.ToUpper(hex.EncodeToString(raw))),
			[]byte(escaped),
			[]byte(url.QueryEscape(p)),
		)
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			for shift := range 3 {
				all = append(all, aligned(enc, raw, shift))
			}
		}
	}
	return all
}

// aligned is the part of base64(something + raw + something) that depends on raw alone, when something is shift bytes
// long.
func aligned(enc *base64.Encoding, raw []byte, shift int) []byte {
	text := enc.EncodeToString(append(make([]byte, shift), raw...))
	head := []int{0, 2, 3}[shift]
	whole := (shift + len(raw)) / 3 * 4 // groups that hold nothing but what is known
	return []byte(text[head:whole])
}

// A haystack is one place where nothing secret may be.
type haystack struct {
	name  string
	bytes []byte
}

var monitored = regexp.MustCompile(`\\x([0-9a-f]{2})`)

// unescape undoes the escapes of Redis's MONITOR, so that binary values are searched as they were sent.
func unescape(b []byte) []byte {
	return monitored.ReplaceAllFunc(b, func(m []byte) []byte {
		v, _ := strconv.ParseUint(string(m[2:]), 16, 8)
		return []byte{byte(v)}
	})
}

// hunt fails the test for every credential found in a haystack.
func hunt(t *testing.T, credentials map[string][]string, places []haystack) {
	t.Helper()
	searched, found := 0, map[string]bool{}
	for kind, values := range credentials {
		if len(values) == 0 {
			t.Errorf("nothing to look for: no %s was marked", kind)
		}
		for _, v := range values {
			if len(v) < 16 {
				t.Fatalf("a %s of %d bytes could be found by accident", kind, len(v))
			}
			for _, n := range needles(v) {
				for _, p := range places {
					searched++
					if at := bytes.Index(p.bytes, n); at >= 0 && !found[kind+p.name] {
						found[kind+p.name] = true // once is enough
						t.Errorf("a %s is in %s: …%q", kind, p.name, p.bytes[max(0, at-80):min(len(p.bytes), at+len(n)+20)])
					}
				}
			}
		}
	}
	for _, p := range places {
		if len(p.bytes) == 0 {
			t.Errorf("%s is empty: nothing was searched there", p.name)
		}
		t.Logf("%s: %d bytes", p.name, len(p.bytes))
	}
	t.Logf("%d searches", searched)
}

// The hunt itself must find what is there, in every coat.
func TestTheCanaryIsFoundInEveryEncoding(t *testing.T) {
	const secret = "kX3_vQ-9bT1mZ8sLw0RjYc5NhA7fGdEu2PiOoVxKtBq" // 43 characters, as 256 bits are
	found := func(b string) bool {
		return slices.ContainsFunc(needles(secret), func(n []byte) bool { return bytes.Contains([]byte(b), n) })
	}
	escaped := ""
	for i := range len(secret) {
		escaped += fmt.Sprintf("%%%02X", secret[i])
	}
	for name, coat := range map[string]string{
		"as it is":                 "x" + secret + "y",
		"its first half":           "token=" + secret[:20] + "…",
		"its last half":            "…" + secret[24:],
		"in hex":                   hex.EncodeToString([]byte("a" + secret)),
		"in upper-case hex":        strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"in base64":                base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64, one byte on":   base64.StdEncoding.EncodeToString([]byte("a" + secret + "z")),
		"in base64url, two bytes":  base64.RawURLEncoding.EncodeToString([]byte("ab" + secret + "zz")),
		"as the user of Basic":     base64.StdEncoding.EncodeToString([]byte("bff:" + secret)),
		"with every byte escaped":  escaped,
		"in a command that Redis ": `"SET" "k" "` + secret + `"`,
	} {
		if !found(coat) {
			t.Errorf("not found: %s", name)
		}
	}
	if found("kX3_vQ-9bT1mZ8s and wXyAbCdEfGh") {
		t.Error("found where it is not")
	}
	if got := unescape([]byte(`"a\x00\xffb"`)); string(got) != "\"a\x00\xffb\"" {
		t.Errorf("unescaped to %q", got)
	}
}
