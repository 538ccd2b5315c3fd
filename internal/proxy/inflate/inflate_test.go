package inflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"testing"

	"bff/internal/proxy/inflate"
)

// decodeAll decodes data that comes in pieces of these sizes, in turn, and forgets what was read, as a stream does.
func decodeAll(d *inflate.Decoder, data []byte, sizes ...int) (plain []byte, used int, err error) {
	var held []byte
	for i := 0; ; i++ {
		n := min(len(data), sizes[i%len(sizes)])
		held, data = append(held, data[:n]...), data[n:]
		for {
			out, n, err := d.Decode(held)
			plain, used, held = append(plain, out...), used+n, held[n:]
			if err != nil {
				return plain, used, err
			}
			if len(out) == 0 && n == 0 {
				break
			}
		}
		if len(data) == 0 {
			return plain, used, io.ErrUnexpectedEOF
		}
	}
}

// pack compresses pieces, with a flush behind each.
func pack(t testing.TB, level int, pieces ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		_, _ = io.WriteString(w, p)
		_ = w.Flush()
	}
	_ = w.Close()
	return b.Bytes()
}

// noise is text that does not compress well.
func noise(n int) string {
	var b strings.Builder
	for i := uint64(1); b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x ", bits.RotateLeft64(i*0x9e3779b97f4a7c15, 17))
	}
	return b.String()[:n]
}

func samples() map[string]string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	skewed := strings.Builder{} // codes of very different lengths
	for i := range 15 {
		skewed.WriteString(strings.Repeat(string(rune('a'+i)), 1<<i))
	}
	return map[string]string{
		"nothing": "", "a byte": "x", "a word": "hello, hello, hello", "one letter": strings.Repeat("a", 200<<10),
		"two letters": strings.Repeat("ab", 50<<10), "three": strings.Repeat("abc", 30<<10), "noise": noise(100 << 10),
		"every byte": strings.Repeat(string(all), 100), "skewed": skewed.String(), "far": noise(32<<10) + noise(32<<10),
		"as JSON": strings.Repeat(`{"id":"0a1b","title":"meeting","n":[1,2,3]},`, 9000) + noise(9000),
	}
}

func TestWhatWasCompressedIsDecodedHoweverItComes(t *testing.T) {
	d := inflate.NewDecoder()
	for name, text := range samples() {
		for _, level := range []int{-2, 0, 1, 6} {
			for _, pieces := range [][]string{{text}, {text[:len(text)/3], text[len(text)/3:]}} {
				data := pack(t, level, pieces...)
				for _, sizes := range [][]int{{1 << 30}, {1}, {7, 1, 30}, {4096}} {
					if sizes[0] < 10 && len(data) > 9<<10 {
						continue
					}
					d.Reset()
					got, used, err := decodeAll(d, append(data[:len(data):len(data)], "more"...), sizes...)
					if err != io.EOF || string(got) != text || used != len(data) {
						t.Fatalf("%s, level %d, by %d: %d of %d bytes, %d used of %d, %v", name, level, sizes, len(got), len(text),
							used, len(data), err)
					}
				}
			}
		}
	}
}

// A symbol that is whole is never held back: what follows a flush has been given.
func TestAFlushGivesAllThatWasWritten(t *testing.T) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	d := inflate.NewDecoder()
	for i, s := range []string{"event one\n", "e", noise(5000), "event one\n", ""} {
		_, _ = io.WriteString(w, s)
		_ = w.Flush()
		plain, used, err := d.Decode(b.Bytes())
		if string(plain) != s || used != b.Len() || err != nil || !d.Aligned() {
			t.Fatalf("flush %d: %d bytes of %d, %d used of %d, %v", i, len(plain), len(s), used, b.Len(), err)
		}
		b.Reset()
	}
}

func TestADecoderThatIsUsedAgainShowsNothingOfBefore(t *testing.T) {
	d := inflate.NewDecoder()
	if _, _, err := decodeAll(d, pack(t, 6, noise(100<<10)), 1000); err != io.EOF {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, _ := flate.NewWriterDict(&b, 6, []byte(noise(30<<10)))
	_, _ = io.WriteString(w, noise(30<<10))
	_ = w.Close()
	d.Reset()
	got, _, err := decodeAll(d, b.Bytes(), 1000)
	if !errors.Is(err, inflate.ErrCorrupt) || len(got) > 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// same holds a Decoder against compress/flate: the same bytes, and the same end.
func same(t *testing.T, d *inflate.Decoder, data []byte, size int) {
	t.Helper()
	in := bytes.NewReader(data)
	want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(in), 4<<20))
	if len(want) == 4<<20 {
		return
	}
	d.Reset()
	got, used, err := decodeAll(d, data, size)
	var corrupt flate.CorruptInputError
	switch {
	case wantErr == nil:
		if err != io.EOF || !bytes.Equal(got, want) || used != len(data)-in.Len() {
			t.Fatalf("by %d: %d bytes of %d, %d used of %d, %v\n%x", size, len(got), len(want), used, len(data)-in.Len(), err, data)
		}
	case errors.As(wantErr, &corrupt):
		if !errors.Is(err, inflate.ErrCorrupt) && err != io.ErrUnexpectedEOF {
			t.Fatalf("by %d: %v where compress/flate says %v\n%x", size, err, wantErr, data)
		}
	default:
		if err != io.ErrUnexpectedEOF {
			t.Fatalf("by %d: %v where compress/flate says %v\n%x", size, err, wantErr, data)
		}
	}
	if !bytes.HasPrefix(got, want) { // compress/flate gives nothing of its window when it fails
		t.Fatalf("by %d: other bytes\n%x", size, data)
	}
}

func TestDamagedDataIsReadLikeTheStandardLibraryReadsIt(t *testing.T) {
	d := inflate.NewDecoder()
	for _, text := range []string{"hello, hello, hello", noise(3000), strings.Repeat(noise(50), 40)} {
		for _, level := range []int{-2, 0, 1, 9} {
			data := pack(t, level, text, text)
			for at := range min(len(data), 200) {
				for _, flip := range []byte{1, 0x80, 0xff} {
					damaged := bytes.Clone(data)
					damaged[at] ^= flip
					same(t, d, damaged, 1+at%40)
					same(t, d, damaged[:at], 1<<20)
				}
			}
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, text := range []string{"", "hello, hello", strings.Repeat("ab", 500), noise(400)} {
		for _, level := range []int{-2, 0, 1, 9} {
			f.Add(pack(f, level, text), 5)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, size int) { same(t, inflate.NewDecoder(), data, max(1, size)) })
}

// BenchmarkDecoder is beside compress/flate on the same data.
func BenchmarkDecoder(b *testing.B) {
	var text strings.Builder
	for i, seed := 0, uint32(1); text.Len() < 1<<20; i++ {
		seed = seed*1664525 + 1013904223
		fmt.Fprintf(&text, `{"id":"%08x","title":"meeting %d","updated":"2026-05-%02dT09:00:00Z"}`, seed, seed%997, 1+seed%28)
	}
	data := pack(b, 6, text.String())
	b.Run("own", func(b *testing.B) {
		d := inflate.NewDecoder()
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			d.Reset()
			for at, err := 0, error(nil); err != io.EOF; {
				var used int
				if _, used, err = d.Decode(data[at:min(len(data), at+32<<10)]); err != nil && err != io.EOF {
					b.Fatal(err)
				}
				at += used
			}
		}
	})
	b.Run("standard", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			if _, err := io.Copy(io.Discard, flate.NewReader(bytes.NewReader(data))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
