package users

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"bff/internal/webhook"
)

// A Hook is the operator's program that is asked before a session begins.
type Hook struct {
	Endpoint webhook.Endpoint // its Timeout is users.hook.timeout
	Required bool             // false: where it fails, the last known answer counts
	Sender   *webhook.Sender
}

// DefaultHookTimeout is how long a hook may take where the operator says nothing else.
const DefaultHookTimeout = 3 * time.Second

// Said is an answer of the hook, kept with the user until the next one replaces all of it.
type Said struct {
	ID     string          // the application's own id of the user, "" where it gave none
	Rights []string        // sorted, never nil
	Data   json.RawMessage // an object, nil where it gave none
}

// A Refusal is an error of SignIn with what the hook said about it, for the operator's log.
type Refusal struct {
	Err     error  // ErrNotAllowed or ErrHookFailed
	Message string // of a 403: visible characters, at most 200 bytes; else why the answer does not count
}

func (r *Refusal) Error() string { return fmt.Sprintf("%v: %q", r.Err, r.Message) }
func (r *Refusal) Unwrap() error { return r.Err }

func failed(why string) error { return &Refusal{ErrHookFailed, why} }

// asked is the body of the question.
type asked struct {
	Type string    `json:"type"`
	User askedUser `json:"user"`
}

type askedUser struct {
	ID            string         `json:"id"`
	New           bool           `json:"new"`
	Provider      string         `json:"provider"`
	Subject       string         `json:"subject"`
	Email         string         `json:"email"`
	EmailVerified bool           `json:"email_verified"`
	Name          string         `json:"name"`
	Picture       string         `json:"picture"`
	Claims        map[string]any `json:"claims"`
}

// ask sends the question once and reads the answer. The error is a *Refusal.
func (h *Hook) ask(ctx context.Context, who Person) (*Said, error) {
	claims := who.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	body, err := json.Marshal(asked{Type: "sign_in", User: askedUser{ID: who.ID, New: who.New, Provider: who.Provider,
		Subject: who.Subject, Email: who.Email, EmailVerified: who.EmailVerified, Name: who.Name, Picture: who.Picture,
		Claims: claims}})
	if err != nil {
		return nil, failed("the question cannot be written as JSON")
	}
	endpoint := h.Endpoint
	if endpoint.Timeout <= 0 {
		endpoint.Timeout = DefaultHookTimeout
	}
	got, err := h.Sender.Send(ctx, endpoint, webhook.Message{ID: "msg_" + rand.Text(), Body: body})
	if err != nil {
		return nil, failed(err.Error())
	}
	return ReadAnswer(got.Status, got.Body)
}

// ReadAnswer reads what a hook answered. The error is a *Refusal with ErrNotAllowed for a 403, with ErrHookFailed for
// everything but a 200 whose body is a JSON object of the agreed shape.
func ReadAnswer(status int, body []byte) (*Said, error) {
	switch status {
	case http.StatusForbidden:
		return nil, &Refusal{ErrNotAllowed, refusalMessage(body)}
	case http.StatusOK:
	default:
		return nil, failed(fmt.Sprintf("its status is %d, not 200 or 403", status))
	}
	if len(body) > webhook.MaxAnswer {
		return nil, failed("its answer is larger than 64 KiB")
	}
	fields, err := object(body)
	if err != nil {
		return nil, failed(err.Error())
	}
	said := &Said{Rights: []string{}}
	if raw, ok := present(fields, "id"); ok {
		if json.Unmarshal(raw, &said.ID) != nil || CheckRight(said.ID) != nil {
			return nil, failed("its id is not a string of 1 to 256 visible bytes")
		}
	}
	if raw, ok := present(fields, "rights"); ok {
		if said.Rights, err = rightsOf(raw); err != nil {
			return nil, err
		}
	}
	if raw, ok := present(fields, "data"); ok {
		if _, err := object(raw); err != nil {
			return nil, failed("its data is not a JSON object")
		}
		said.Data = compact(raw)
	}
	return said, nil
}

func rightsOf(raw json.RawMessage) ([]string, error) {
	var list []*string // a null among the names is no name
	if json.Unmarshal(raw, &list) != nil || len(list) > MaxRights {
		return nil, failed("its rights are not a list of at most 1024 strings")
	}
	var rights []string
	for _, r := range list {
		if r == nil || CheckRight(*r) != nil {
			return nil, failed("one of its rights is not a string of 1 to 256 visible bytes")
		}
		rights = append(rights, *r)
	}
	return Union(rights), nil
}

// present looks up a field. null is as good as absent.
func present(fields map[string]json.RawMessage, name string) (json.RawMessage, bool) {
	raw, ok := fields[name]
	return raw, ok && string(raw) != "null"
}

const maxNesting = 32

// object reads the fields of one JSON object and nothing behind it: valid UTF-8, no field twice at any depth (of two
// readers each could take another one), nested no deeper than 32.
func object(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("its answer is not UTF-8")
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return nil, errors.New("its answer is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := oneReading(d, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its answer")
	}
	return fields, nil
}

// oneReading reads one value and refuses names that come twice.
func oneReading(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return errors.New("its answer is not JSON")
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxNesting {
		return errors.New("its answer is nested deeper than 32")
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return errors.New("its answer is not JSON")
			}
			if key, _ := name.(string); seen[key] {
				return errors.New("a name is repeated in its answer")
			} else {
				seen[key] = true
			}
		}
		if err := oneReading(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errors.New("its answer is not JSON")
	}
	return nil
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil
	}
	return b.Bytes()
}

const maxMessage = 200 // bytes

// refusalMessage reads the message of a 403, "" where there is none that can be logged.
func refusalMessage(body []byte) string {
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil || !visible(said.Message) {
		return ""
	}
	m := said.Message
	for len(m) > maxMessage || !utf8.ValidString(m) {
		m = m[:min(len(m)-1, maxMessage)]
	}
	return m
}
