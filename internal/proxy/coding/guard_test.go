package coding_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"bff/internal/proxy/coding"
)

// A looker keeps what it is shown, and refuses what holds a word.
type looker struct {
	seen  bytes.Buffer
	raw   bytes.Buffer
	never string
}

var errSeen = errors.New("it holds the word")

func (l *looker) Look(plain []byte) (bool, error) {
	l.seen.Write(plain)
	if l.never != "" && bytes.Contains(l.seen.Bytes(), []byte(l.never)) {
		return false, errSeen
	}
	return true, nil
}

func (l *looker) Pass(b []byte, _ bool) []byte {
	l.raw.Write(b)
	return b
}

func gzipped(text string, h gzip.Header) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Header = h
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func zlibbed(text string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

// withHeaderCRC puts a checksum behind the header of a gzip member that has no other field.
func withHeaderCRC(b []byte) []byte {
	head := bytes.Clone(b[:10])
	head[3] |= 2
	sum := crc32.ChecksumIEEE(head)
	return append(append(head, byte(sum), byte(sum>>8)), b[10:]...)
}

func TestEveryHeaderOfGzipIsRead(t *testing.T) {
	var guards coding.Guards
	for name, b := range map[string][]byte{
		"plain":            gzipped("hello", gzip.Header{}),
		"a name":           gzipped("hello", gzip.Header{Name: "a.json"}),
		"all fields":       gzipped("hello", gzip.Header{Name: "a", Comment: "c", Extra: bytes.Repeat([]byte("x"), 9000)}),
		"a checksum":       withHeaderCRC(gzipped("hello", gzip.Header{})),
		"several members":  append(gzipped("he", gzip.Header{Name: "1"}), gzipped("llo", gzip.Header{})...),
		"an empty member":  append(gzipped("", gzip.Header{}), gzipped("hello", gzip.Header{})...),
		"padding behind":   append(gzipped("hello", gzip.Header{}), make([]byte, 512)...),
		"an empty comment": gzipped("hello", gzip.Header{Comment: ""}),
	} {
		for _, slow := range []bool{false, true} {
			in := io.Reader(bytes.NewReader(b))
			if slow {
				in = iotest.OneByteReader(in)
			}
			l := &looker{}
			g := guards.New(coding.Gzip, in, l)
			got, err := io.ReadAll(g)
			if err != nil || !bytes.Equal(got, b) || l.seen.String() != "hello" {
				t.Errorf("%s: %d bytes of %d, saw %q, %v", name, len(got), len(b), l.seen.String(), err)
			}
			g.Close()
		}
	}
}

func TestABodyThatIsNotWhatItsChecksumSaysBreaksOff(t *testing.T) {
	var guards coding.Guards
	text := strings.Repeat("hello ", 4000)
	damaged := func(b []byte, back int) []byte {
		b = bytes.Clone(b)
		b[len(b)-back] ^= 1
		return b
	}
	zip, deflate := gzipped(text, gzip.Header{}), zlibbed(text)
	for name, c := range map[string]struct {
		coding coding.Coding
		body   []byte
	}{
		"gzip, checksum":       {coding.Gzip, damaged(zip, 5)},
		"gzip, length":         {coding.Gzip, damaged(zip, 1)},
		"gzip, no trailer":     {coding.Gzip, zip[:len(zip)-8]},
		"gzip, half a trailer": {coding.Gzip, zip[:len(zip)-3]},
		"gzip, method":         {coding.Gzip, append([]byte{0x1f, 0x8b, 7}, zip[3:]...)},
		"gzip, endless name":   {coding.Gzip, append([]byte{0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0}, strings.Repeat("n", 9000)...)},
		"gzip, one byte":       {coding.Gzip, zip[:1]},
		"gzip, a header":       {coding.Gzip, zip[:10]},
		"zlib, checksum":       {coding.Deflate, damaged(deflate, 1)},
		"zlib, no trailer":     {coding.Deflate, deflate[:len(deflate)-4]},
		"zlib, a dictionary":   {coding.Deflate, append([]byte{0x78, 0x20 | 0x1b}, deflate[2:]...)},
		"deflate, half":        {coding.Deflate, deflate[2 : len(deflate)/2]},
		"brotli, garbage":      {coding.Brotli, bytes.Repeat([]byte{0xff}, 100)},
	} {
		g := guards.New(c.coding, bytes.NewReader(c.body), &looker{})
		got, err := io.ReadAll(g)
		if err == nil {
			t.Errorf("%s: %d bytes and a clean end", name, len(got))
		}
		g.Close()
	}
}

// Guards decode with what others have used.
func TestAGuardShowsNothingOfTheBodyBefore(t *testing.T) {
	var guards coding.Guards
	for i, c := range []coding.Coding{coding.Gzip, coding.Deflate, coding.Gzip, coding.Brotli, coding.Gzip} {
		text := strings.Repeat("body "+string(rune('a'+i)), 20000)
		body := gzipped(text, gzip.Header{})
		if c == coding.Deflate {
			body = zlibbed(text)
		}
		l := &looker{never: "body b"}
		g := guards.New(c, bytes.NewReader(body), l)
		got, err := io.ReadAll(g)
		switch {
		case c == coding.Deflate && (err != errSeen || len(got) == len(body)):
			t.Errorf("%d: %d bytes, %v", i, len(got), err)
		case c == coding.Gzip && (err != nil || !bytes.Equal(got, body) || l.seen.String() != text):
			t.Errorf("%d: %d bytes of %d, saw %d of %d, %v", i, len(got), len(body), l.seen.Len(), len(text), err)
		case c == coding.Brotli && err == nil:
			t.Errorf("%d: gzip is read as brotli", i)
		}
		g.Close()
	}
}

func TestWhatHoldsNoTextIsNotDecodedFurther(t *testing.T) {
	var guards coding.Guards
	for _, magic := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8", "wOF2", "\x00\x00\x00\x20ftypisom"} {
		body := gzipped(magic+strings.Repeat("x", 200<<10), gzip.Header{})
		l := &looker{}
		g := guards.New(coding.Gzip, iotest.HalfReader(bytes.NewReader(body)), l)
		got, err := io.ReadAll(g)
		if err != nil || !bytes.Equal(got, body) || l.seen.Len() > 70<<10 || l.raw.Len() == 0 {
			t.Errorf("%q: %d bytes of %d, decoded %d, %v", magic, len(got), len(body), l.seen.Len(), err)
		}
		g.Close()
	}
}
