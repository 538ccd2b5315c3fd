package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/vault"
)

const (
	maxPreferences = 16 << 10 // bytes of the stored document
	maxDepth       = 32       // of objects and arrays in each other
)

// getPreferences answers the user's own JSON object, "{}" before the first write.
func (a *account) getPreferences(c *route.Call) error {
	doc, _, err := a.vault.Preferences(c.Ctx(), c.Session)
	if err != nil {
		return err
	}
	return c.Document(doc)
}

// patchPreferences merges a patch into it (RFC 7396) and answers what is stored now. Two patches at once are both applied.
func (a *account) patchPreferences(c *route.Call) error {
	patch, err := readPatch(c.R)
	if err != nil {
		return err
	}
	for range 16 {
		doc, version, err := a.vault.Preferences(c.Ctx(), c.Session)
		if err != nil {
			return err
		}
		next, err := merged(doc, patch)
		if err != nil {
			return err
		}
		switch err := a.vault.SetPreferences(c.Ctx(), c.Session, next, version); {
		case err == nil:
			return c.Document(next)
		case errors.Is(err, vault.ErrNotFound):
			return c.NotSignedIn(a.providers)
		case !errors.Is(err, vault.ErrConflict):
			return err
		}
	}
	return problem.New(problem.RateLimited).Because("The preferences are written by too many at once.").After(time.Second)
}

func readPatch(r *http.Request) (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/merge-patch+json" && kind != "application/json" {
		return nil, problem.New(problem.BadRequest).Because("The content type must be application/merge-patch+json or application/json.")
	}
	body, err := io.ReadAll(r.Body) // bounded by the pipeline
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, problem.New(problem.BadRequest).Because("The body broke off.")
	}
	v, err := strictJSON(body)
	if err != nil {
		return nil, problem.New(problem.BadRequest).Because("The body is not JSON, is nested too deeply, or repeats a name.")
	}
	patch, ok := v.(map[string]any)
	if !ok {
		return nil, problem.New(problem.BadRequest).Because("The patch must be a JSON object.")
	}
	return patch, nil
}

// merged applies patch to doc and encodes the result.
func merged(doc []byte, patch map[string]any) ([]byte, error) {
	before, err := strictJSON(doc)
	if err != nil {
		before = nil // nothing that was written here: the patch makes a new one
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(mergePatch(before, patch)); err != nil {
		return nil, problem.New(problem.BadRequest).Because("A number is malformed.")
	}
	next := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if len(next) > maxPreferences {
		return nil, problem.New(problem.BodyTooLarge).Because("The preferences would be larger than 16 KiB.")
	}
	return next, nil
}

// mergePatch is MergePatch of RFC 7396 section 2.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(t, name)
		} else {
			t[name] = mergePatch(t[name], value)
		}
	}
	return t
}

var errNotStrict = errors.New("not one strict JSON value")

// strictJSON reads exactly one value: valid UTF-8, no name twice in an object (two readers would disagree), nested within a bound, numbers kept as written.
func strictJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errNotStrict
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := strictValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotStrict
	}
	return v, nil
}

func strictValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, errNotStrict
	}
	object, list := map[string]any{}, []any{}
	for d.More() {
		name := ""
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name = key.(string) // the decoder lets nothing else pass
			if _, twice := object[name]; twice {
				return nil, errNotStrict
			}
		}
		v, err := strictValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		if delim == '{' {
			object[name] = v
		} else {
			list = append(list, v)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if delim == '{' {
		return object, nil
	}
	return list, nil
}
