package webhook

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"bff/internal/secret"
)

// Names of the headers of a signed message.
const (
	HeaderID        = standardwebhooks.HeaderWebhookID
	HeaderTimestamp = standardwebhooks.HeaderWebhookTimestamp
	HeaderSignature = standardwebhooks.HeaderWebhookSignature
)

// MinKey is the length in bytes that a key has at least.
const MinKey = 24

const keyPrefix = "whsec_"

// A Key signs messages and verifies them. The zero Key does neither. It is safe for concurrent use.
type Key struct{ raw secret.Text }

// ParseKey reads a configured secret: "whsec_" and base64, or any other string, whose bytes are the key. Both have at
// least [MinKey] bytes. The error says what is wrong and never quotes the secret.
func ParseKey(text secret.Text) (Key, error) {
	s := text.Reveal()
	coded, isCoded := strings.CutPrefix(s, keyPrefix)
	if !isCoded {
		if len(s) < MinKey {
			return Key{}, errors.New("the secret is shorter than 24 bytes; `openssl rand -hex 32` makes a good one")
		}
		return Key{text}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(coded)
	}
	switch {
	case err != nil:
		return Key{}, errors.New("what follows whsec_ is not base64")
	case len(raw) < MinKey:
		return Key{}, errors.New("what follows whsec_ is the base64 of fewer than 24 bytes")
	}
	return Key{secret.New(string(raw))}, nil
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.raw.IsZero() }

// Sign returns the three headers of a message. A repeated delivery has the id of the first and the time of its own.
func (k Key) Sign(id string, at time.Time, body []byte) (http.Header, error) {
	if k.IsZero() || id == "" {
		return nil, errors.New("webhook: sign: there is no key or no id")
	}
	signer, err := k.signer()
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(id, at, body)
	if err != nil {
		return nil, errors.New("webhook: sign: the library failed")
	}
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, signature)
	return h, nil
}

// ErrSignature is what Verify returns for a message that this key did not sign, or not within the last five minutes.
var ErrSignature = errors.New("webhook: the message is not signed by this key, or not now")

// Verify checks a received message: its signature, and that it was signed within five minutes of now.
func (k Key) Verify(h http.Header, body []byte) error {
	if k.IsZero() {
		return ErrSignature
	}
	signer, err := k.signer()
	if err != nil || signer.Verify(body, h) != nil {
		return ErrSignature
	}
	return nil
}

func (k Key) signer() (*standardwebhooks.Webhook, error) {
	signer, err := standardwebhooks.NewWebhookRaw([]byte(k.raw.Reveal()))
	if err != nil {
		return nil, errors.New("webhook: the library refuses the key")
	}
	return signer, nil
}
