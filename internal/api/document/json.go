package document

import (
	"bytes"
	"errors"
	"io"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/go-json-experiment/json/jsontext"

	"bff/internal/api/problem"
)

// maxDepth is of objects and arrays in each other.
const maxDepth = 32

var errNotStrict = errors.New("not one strict JSON value")

// strict says what kind of value b is: exactly one, valid UTF-8, no name twice in an object (two readers would
// disagree), nested within a bound.
func strict(b []byte) (kind jsontext.Kind, err error) {
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

// Merge applies patch to doc (RFC 7396) and encodes the result.
func Merge(doc, patch []byte) ([]byte, error) {
	if kind, err := strict(doc); err != nil || kind != '{' {
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
	if len(next) > MaxSize {
		return nil, problem.New(problem.BodyTooLarge).Because("The object would be larger than 16 KiB.")
	}
	return next, nil
}
