package frontend

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
)

const (
	minCoded    = 256      // bytes; below that a coding gains nothing
	maxCoded    = 8 << 20  // bytes of one file
	maxAllCoded = 64 << 20 // bytes of all files of a folder
	brotliLevel = 6        // a folder of a few megabytes takes a fraction of a second at the start
)

// coded is the content of one file in the codings that browsers take, as it was at the start.
type coded struct {
	size     int64
	modified time.Time
	tag      string // of the content
	gzip, br []byte // nil where it is not smaller
}

// codings are the codable files of a folder. It does not change after it was made.
type codings map[string]coded

// codingsOf reads files once. What cannot be read, or appears later, is served as it is.
func codingsOf(files fs.FS) codings {
	out, left := codings{}, int64(maxAllCoded)
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !codable(name) {
			return nil
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() < minCoded || info.Size() > maxCoded || info.Size() > left {
			return nil
		}
		content, err := fs.ReadFile(files, name)
		if err != nil || int64(len(content)) != info.Size() {
			return nil
		}
		left -= info.Size()
		c := codedOf(content)
		c.modified = info.ModTime()
		out[name] = c
		return nil
	})
	return out
}

func codedOf(content []byte) coded {
	c := coded{size: int64(len(content)), tag: contentTag(content)}
	var zipped, br bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level exists
	_, _ = z.Write(content)                                    // into memory
	_ = z.Close()
	b := brotli.NewWriterLevel(&br, brotliLevel)
	_, _ = b.Write(content)
	_ = b.Close()
	if zipped.Len() < len(content) {
		c.gzip = zipped.Bytes()
	}
	if br.Len() < len(content) {
		c.br = br.Bytes()
	}
	return c
}

// codable says whether files of that name are text.
func codable(name string) bool {
	kind := contentType(name)
	if strings.HasPrefix(kind, "text/") {
		return true
	}
	switch kind {
	case "application/json", "application/manifest+json", "image/svg+xml", "application/wasm", "application/xml":
		return true
	}
	return path.Ext(name) == ".ico"
}

// pick returns the content in a coding that r takes, and its name; "" when there is none.
func (c *coded) pick(r *http.Request) (content []byte, coding string) {
	switch {
	case c.br != nil && takes(r, "br"):
		return c.br, "br"
	case c.gzip != nil && takes(r, "gzip"):
		return c.gzip, "gzip"
	}
	return nil, ""
}

// takes reads Accept-Encoding (RFC 9110 section 12.5.3). Only a coding that is named counts; q=0 refuses it.
func takes(r *http.Request, coding string) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), coding) {
				continue
			}
			weight, found := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
			q, err := strconv.ParseFloat(weight, 64)
			return !found || err == nil && q > 0
		}
	}
	return false
}

// tagged is an ETag of a representation in a coding: each has its own.
func tagged(tag, coding string) string {
	if coding == "" {
		return tag
	}
	return strings.TrimSuffix(tag, `"`) + "-" + coding + `"`
}
