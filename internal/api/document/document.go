package document

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/vault"
)

// MaxSize is how large a stored object may be, in bytes.
const MaxSize = 16 << 10

// attempts is how often a patch is merged again because somebody else wrote meanwhile.
const attempts = 16

// A Store is where one object is.
type Store struct {
	// Get returns the object and its version, "{}" and "" before the first write.
	Get func(context.Context) (doc []byte, version string, err error)
	// Set writes the object if version is still what is stored, and returns the new version. vault.ErrConflict: it is not.
	Set func(ctx context.Context, doc []byte, version string) (next string, err error)
	// Gone is the answer where its owner ended meanwhile (vault.ErrNotFound). Required.
	Gone func() error
}

// Answer is the answer to GET.
func (s Store) Answer(c *route.Call) error {
	doc, version, err := s.Get(c.Ctx())
	if err != nil {
		return s.failed(err)
	}
	return answer(c, doc, version)
}

// Patch is the answer to PATCH: the object as it is stored now. Two patches at once are both applied, unless If-Match
// or If-None-Match says otherwise.
func (s Store) Patch(c *route.Call) error {
	patch, err := ReadObject(c.R)
	if err != nil {
		return err
	}
	for range attempts {
		doc, version, err := s.Get(c.Ctx())
		if err != nil {
			return s.failed(err)
		}
		if !holds(c.R.Header, version) {
			return conflict(version, c)
		}
		next, err := Merge(doc, patch)
		if err != nil {
			return err
		}
		written, err := s.Set(c.Ctx(), next, version)
		switch {
		case err == nil:
			return answer(c, next, written)
		case !errors.Is(err, vault.ErrConflict):
			return s.failed(err)
		}
	}
	return problem.New(problem.RateLimited).Because("The object is written by too many at once.").After(time.Second)
}

func (s Store) failed(err error) error {
	if errors.Is(err, vault.ErrNotFound) {
		return s.Gone()
	}
	return err
}

func answer(c *route.Call, doc []byte, version string) error {
	c.W.Header().Set("ETag", ETag(version))
	return c.Document(doc)
}

func conflict(version string, c *route.Call) error {
	c.W.Header().Set("ETag", ETag(version))
	return problem.New(problem.Conflict)
}

// ETag is the entity tag of a version.
func ETag(version string) string {
	return `"` + base64.RawURLEncoding.EncodeToString([]byte(version)) + `"`
}

// holds evaluates the conditions of a PATCH (RFC 9110 section 13.1): If-Match by strong, If-None-Match by weak
// comparison. There is always an object: the first of its versions is that of nothing written.
func holds(h http.Header, version string) bool {
	if match, ok := h["If-Match"]; ok && !slices.ContainsFunc(tags(match), func(tag string) bool {
		return tag == "*" || tag == ETag(version)
	}) {
		return false
	}
	return !slices.ContainsFunc(tags(h["If-None-Match"]), func(tag string) bool {
		return tag == "*" || strings.TrimPrefix(tag, "W/") == ETag(version)
	})
}

// tags splits a field of entity tags. Those of this package hold no comma.
func tags(lines []string) []string {
	all := strings.Split(strings.Join(lines, ","), ",")
	for i, tag := range all {
		all[i] = strings.TrimSpace(tag)
	}
	return all
}

// ReadObject reads a JSON object from the body, which the pipeline bounds.
func ReadObject(r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/merge-patch+json" && media != "application/json" {
		return nil, problem.New(problem.BadRequest).
			Because("The content type must be application/merge-patch+json or application/json.")
	}
	body, err := io.ReadAll(r.Body) // bounded by the pipeline
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, problem.New(problem.BadRequest).Because("The body broke off.")
	}
	kind, err := strict(body)
	if err != nil {
		return nil, problem.New(problem.BadRequest).
			Because("The body is not JSON, is nested too deeply, or repeats a name.")
	}
	if kind != '{' {
		return nil, problem.New(problem.BadRequest).Because("The body must be a JSON object.")
	}
	return body, nil
}
