package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/go-json-experiment/json/jsontext"

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

func readPatch(r *http.Request) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/merge-patch+json" && kind != "application/json" {
		return nil, problem.New(problem.BadRequest).Because("The content type must be application/merge-patch+json or application/json.")
	}
	body, err := io.ReadAll(r.Body) // bounded by the pipeline
	if err != nil {
		return nil, badBody(err)
	}
	if kind, err := strictJSON(body); err != nil {
		return nil, problem.New(problem.BadRequest).Because("The body is not JSON, is nested too deeply, or repeats a name.")
	} else if kind != '{' {
		return nil, problem.New(problem.BadRequest).Because("The patch must be a JSON object.")
	}
	return body, nil
}

// badBody is the answer to a body that could not be read to its end.
func badBody(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return problem.New(problem.BadRequest).Because("The body broke off.")
}

// merged applies patch to doc (RFC 7396) and encodes the result.
func merged(doc, patch []byte) ([]byte, error) {
	if kind, err := strictJSON(doc); err != nil || kind != '{' {
		doc = []byte("{}") // nothing that was written here: the patch makes a new one
	}
	next, err := jsonpatch.MergePatch(doc, patch)
	if err == nil { // the library escapes for HTML, and what is stored is what was sent
		err = (*jsontext.Value)(&next).Format(jsontext.PreserveRawStrings(false), jsontext.EscapeForHTML(false),
			jsontext.EscapeForJS(true))
	}
	if err != nil {
		return nil, problem.New(problem.BadRequest).Because("The patch cannot be applied.")
	}
	if len(next) > maxPreferences {
		return nil, problem.New(problem.BodyTooLarge).Because("The preferences would be larger than 16 KiB.")
	}
	return next, nil
}

var errNotStrict = errors.New("not one strict JSON value")

// strictJSON says what kind of value b is: exactly one, valid UTF-8, no name twice in an object (two readers would disagree),
// nested within a bound.
func strictJSON(b []byte) (kind jsontext.Kind, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	for first := true; ; first = false {
		token, err := d.ReadToken()
		if err != nil {
			return 0, err
		}
		if first {
			kind = token.Kind()
		}
		if d.StackDepth() > maxDepth {
			return 0, errNotStrict
		}
		if d.StackDepth() == 0 {
			break
		}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return 0, errNotStrict
	}
	return kind, nil
}
