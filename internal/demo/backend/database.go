package backend

import (
	"bff/internal/demo/answer"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// A Row is one person in the application's own database. The hook makes it at the first sign-in.
type Row struct {
	ID      string    `json:"id"`   // the application's own, which the hook answers
	User    string    `json:"user"` // bff's
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Rights  []string  `json:"rights"` // which the hook answers
	SignIns int       `json:"sign_ins"`
	Seen    time.Time `json:"seen"`
}

// A Heard is an event that bff sent to the application.
type Heard struct {
	At   time.Time `json:"at"`
	Type string    `json:"type"`
	User string    `json:"user"` // the name of the row, or bff's id where there is none any more
}

// The bounds of what is kept, and the number of the first row.
const (
	maxRows  = 200
	maxHeard = 30
	firstRow = 1001
)

// A database is the application's: who its people are, and the events that it received.
type database struct {
	HookSecret string // of the hook and of the events: whsec_ and base64

	signed func(body []byte, h http.Header) error
	mu     sync.Mutex
	next   int
	rows   []Row
	heard  []Heard
	ids    map[string]bool // of the events that came
}

func newDatabase() *database {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	d := &database{HookSecret: "whsec_" + base64.StdEncoding.EncodeToString(key), next: firstRow, ids: map[string]bool{}}
	d.signed = func([]byte, http.Header) error { return errNobody }
	if w, err := standardwebhooks.NewWebhookRaw(key); err == nil {
		d.signed = w.Verify
	}
	return d
}

// message reads a signed message into m. It answers whoever cannot sign.
func (d *database) message(w http.ResponseWriter, r *http.Request, m any) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || d.signed(body, r.Header) != nil {
		answer.JSON(w, http.StatusUnauthorized, map[string]any{"error": "bff did not sign this"})
		return false
	}
	if json.Unmarshal(body, m) != nil {
		answer.JSON(w, http.StatusBadRequest, map[string]any{"error": "the message is not the JSON that was agreed"})
		return false
	}
	return true
}

// asked is what bff asks and tells of a user.
type asked struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

// row returns the row of a user, and makes it where there is none. The caller holds the lock.
func (d *database) row(user string) (r *Row, isNew bool) {
	for i := range d.rows {
		if d.rows[i].User == user {
			return &d.rows[i], false
		}
	}
	if len(d.rows) == maxRows {
		d.rows = d.rows[1:]
	}
	d.rows = append(d.rows, Row{ID: strconv.Itoa(d.next), User: user})
	d.next++
	return &d.rows[len(d.rows)-1], true
}

// Rows returns the people, the first in front.
func (d *database) Rows() []Row {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Row{}, d.rows...)
}

// Heard returns the events of bff, the newest in front.
func (d *database) Heard() []Heard {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Heard{}, d.heard...)
}

// signIn answers the hook: a row for whoever is new, and then the application's own id and rights of the person.
func (b *Backend) signIn(w http.ResponseWriter, r *http.Request) {
	var m struct{ User asked }
	if !b.message(w, r, &m) || m.User.ID == "" {
		return
	}
	b.database.mu.Lock()
	row, isNew := b.row(m.User.ID)
	row.Name, row.Email, row.Seen, row.Rights = m.User.Name, m.User.Email, b.cfg.Now(), []string{"reader"}
	if m.User.Email == "ada@example.com" {
		row.Rights = []string{"editor", "reader"}
	}
	row.SignIns++
	got := *row
	b.database.mu.Unlock()
	if isNew {
		b.cfg.Log.Note("backend", "", "bff asked the application who %s is, before the session began: row %s was made",
			got.Name, got.ID)
	} else {
		b.cfg.Log.Note("backend", "", "bff asked the application who %s is, before the session began: row %s", got.Name, got.ID)
	}
	answer.JSON(w, http.StatusOK, map[string]any{"id": got.ID, "rights": got.Rights})
}

// event takes what bff tells. An event that comes again is taken once.
func (b *Backend) event(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Type string
		Data struct{ User asked }
	}
	if !b.message(w, r, &m) {
		return
	}
	id := r.Header.Get(standardwebhooks.HeaderWebhookID)
	d := b.database
	d.mu.Lock()
	again := d.ids[id]
	if len(d.ids) > 10*maxHeard {
		clear(d.ids)
	}
	d.ids[id] = true
	name := m.Data.User.Name
	for i, row := range d.rows {
		if row.User != m.Data.User.ID {
			continue
		}
		if name = row.Name; m.Type == "user.erased" {
			d.rows = append(d.rows[:i], d.rows[i+1:]...)
			break
		}
	}
	if name == "" {
		name = m.Data.User.ID
	}
	if !again {
		d.heard = append([]Heard{{At: b.cfg.Now(), Type: m.Type, User: name}}, d.heard...)
		d.heard = d.heard[:min(len(d.heard), maxHeard)]
	}
	d.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
