package vault

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A Program receives what happens. Config.Programs lists them.
type Program struct {
	Name  string // of its queue: letters and digits; it stays the same from one start to the next
	Wants func(eventType string) bool
}

// Events queues what programs are to hear, in the step that makes it true, and hands it out again.
//
//	<prefix>:{<tag>}:q:<program>   list    a user's events, the oldest in front
//	<prefix>:{<tag>}:z:<program>   string  who is delivering the first of them
//	<prefix>:q:<program>           zset    users with events, by due time: see outbox
type Events struct{ *core }

// queued is an event as it waits. It holds ids; the rest lies sealed in Extra, or in the user's record.
type queued struct {
	ID       string `json:"i"`
	Type     string `json:"t"`
	At       int64  `json:"a"` // Unix milliseconds
	User     string `json:"u"`
	Session  string `json:"s,omitempty"`
	Reason   string `json:"r,omitempty"` // of a session's end
	Extra    string `json:"x,omitempty"` // sealed: the session or the connection, as JSON
	Many     bool   `json:"m,omitempty"` // one of several with this id: the session's id belongs to it
	Attempts int    `json:"n,omitempty"`
	Until    int64  `json:"w,omitempty"` // it is not tried again before, in Unix milliseconds
}

// A notice is what a script gets of an event: the programs that want it, with commas, and the item. Without a program
// nothing is queued.
type notice struct{ programs, item string }

// about makes an event of a type.
func (v *Events) about(eventType string, q queued) notice {
	var names []string
	for _, p := range v.cfg.Programs {
		if eventType != "" && p.Wants(eventType) {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return notice{}
	}
	q.ID, q.Type, q.At = newID("msg_"), eventType, v.now().UnixMilli()
	if q.Extra != "" {
		q.Extra = seal.Encode(v.ring().Seal(eventBinding(q.User, q.ID), []byte(q.Extra)))
	}
	q.User = v.db.ID(q.User)
	b, err := json.Marshal(q)
	if err != nil {
		panic("vault: an event of plain fields did not encode")
	}
	return notice{strings.Join(names, ","), string(b)}
}

func eventBinding(userID, id string) seal.Binding {
	return seal.Binding{Kind: "event", Owner: userID + "/" + id}
}

func (v *Events) due(program string) string { return v.db.Global("q:" + program) }

func (n notice) each(f func(program string) error) error {
	var all error
	for program := range strings.SplitSeq(n.programs, ",") {
		if program != "" {
			all = errors.Join(all, f(program))
		}
	}
	return all
}

// ahead puts the pointers for an event that is about to be queued: see outbox.pointAhead.
func (v *Events) ahead(ctx context.Context, tag string, n notice) error {
	at := float64(v.now().Add(10*time.Second).UnixMilli()) + 0.5
	return n.each(func(program string) error { return v.db.Score(ctx, v.due(program), v.db.Member(tag), at) })
}

// point has the queues looked at now. Where it fails, the pointer that was put ahead finds them a little later.
func (v *Events) point(ctx context.Context, tag string, n notice) {
	_ = n.each(func(program string) error {
		return v.db.Lower(ctx, v.due(program), v.db.Member(tag), float64(v.now().UnixMilli()))
	})
}

// A Delivery is an event that is due for a program.
type Delivery struct {
	ID       string // the same at every attempt
	Program  string
	Type     string
	At       time.Time // when it happened
	Body     []byte    // JSON
	Attempts int       // that failed

	tag, owner, item string
	until            time.Time // of the lease
	notBefore        time.Time // it is not tried again before
}

// Due takes the first event of up to n users whose time has come, for as long as lease: no other instance
// takes another of these users' meanwhile.
func (v *Events) Due(ctx context.Context, program string, n int, lease time.Duration) ([]Delivery, error) {
	now := v.now()
	tags, err := v.db.Until(ctx, v.due(program), unixMilli(now), n)
	if err != nil {
		return nil, err
	}
	var all []Delivery
	for _, member := range tags {
		d, err := v.take(ctx, program, v.db.MemberOf(member), now, lease)
		if err != nil {
			return all, err
		}
		if d != nil {
			all = append(all, *d)
		}
	}
	return all, nil
}

// take takes the first event of one user, nil where somebody else has it or there is none.
func (v *Events) take(ctx context.Context, program, tag string, now time.Time, lease time.Duration) (*Delivery, error) {
	until := now.Add(lease)
	_, err := v.db.Run(ctx, store.Call{Script: "claim_due", Keys: store.Keys{"due": v.due(program)},
		Args: store.Args{"member": v.db.Member(tag), "now": now.UnixMilli(), "until_ms": until.UnixMilli()}})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &Delivery{Program: program, tag: tag, owner: seal.Nonce(), until: until}
	found, err := v.db.RunList(ctx, store.Call{Script: "deliver", Keys: v.queueKeys(d),
		Args: store.Args{"owner": d.owner, "lease": millisOf(lease)}})
	if err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0: // nothing waits
		return nil, v.settle(ctx, d, "")
	case found[0] == "": // somebody else is at it, and will point here again
		return nil, nil
	}
	d.item = found[0]
	if err := v.open(ctx, d); err != nil {
		return nil, err
	}
	if now.Before(d.notBefore) { // another event of this user was queued meanwhile, and waits behind it
		return nil, v.putBack(ctx, d, d.item, d.notBefore)
	}
	return d, nil
}

// putBack has an event, as item has it from now on, and the user's later ones, wait until at.
func (v *Events) putBack(ctx context.Context, d *Delivery, item string, at time.Time) error {
	_, err := v.db.CountDurably(ctx, store.Call{Script: "undelivered", Keys: v.queueKeys(d),
		Args: store.Args{"owner": d.owner, "item": d.item, "next": item}})
	if err != nil {
		return err
	}
	if err := v.settle(ctx, d, unixMilli(at)); err != nil {
		return err
	}
	// Who was led here meanwhile, and found somebody at it, left the pointer at the end of a lease.
	return v.db.Lower(ctx, v.due(d.Program), v.db.Member(d.tag), float64(at.UnixMilli()))
}

func (v *Events) queueKeys(d *Delivery) store.Keys {
	return store.Keys{"queue": v.userKey(d.tag, "q:"+d.Program), "lock": v.userKey(d.tag, "z:"+d.Program)}
}

// settle moves or removes the pointer, if it still stands where the claim put it.
func (v *Events) settle(ctx context.Context, d *Delivery, next string) error {
	_, err := v.db.CountDurably(ctx, store.Call{Script: "settle_due", Keys: store.Keys{"due": v.due(d.Program)},
		Args: store.Args{"member": v.db.Member(d.tag), "until_ms": d.until.UnixMilli(), "next_ms": next}})
	return err
}

// Delivered removes an event: its program has it, or never will. The user's next is due at once.
func (v *Events) Delivered(ctx context.Context, d Delivery) error {
	left, err := v.db.CountDurably(ctx, store.Call{Script: "delivered", Keys: v.queueKeys(&d),
		Args: store.Args{"owner": d.owner, "item": d.item}})
	if err != nil {
		return err
	}
	if left > 0 {
		return v.db.Lower(ctx, v.due(d.Program), v.db.Member(d.tag), float64(v.now().UnixMilli()))
	}
	return v.settle(ctx, &d, "")
}

// Retry counts an attempt, and has the event, and the user's later ones, wait until at.
func (v *Events) Retry(ctx context.Context, d Delivery, at time.Time) error {
	var q queued
	if err := json.Unmarshal([]byte(d.item), &q); err != nil {
		return v.Delivered(ctx, d)
	}
	q.Attempts++
	q.Until = at.UnixMilli()
	next, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return v.putBack(ctx, &d, string(next), at)
}

// The shapes of what programs get. They are built from public fields alone.
type (
	messageJSON struct {
		Type      string   `json:"type"`
		Timestamp string   `json:"timestamp"`
		Data      dataJSON `json:"data"`
	}
	dataJSON struct {
		User       messageUser     `json:"user"`
		Session    json.RawMessage `json:"session,omitempty"`
		Connection json.RawMessage `json:"connection,omitempty"`
	}
	messageUser struct {
		ID            string   `json:"id"`
		AppID         string   `json:"app_id,omitempty"`
		Provider      string   `json:"provider,omitempty"`
		Subject       string   `json:"subject,omitempty"`
		Name          string   `json:"name,omitempty"`
		Email         string   `json:"email,omitempty"`
		EmailVerified bool     `json:"email_verified"`
		Picture       string   `json:"picture,omitempty"`
		Rights        []string `json:"rights"`
		CreatedAt     string   `json:"created_at,omitempty"`
	}
	messageSession struct {
		ID        string `json:"id"`
		Reason    string `json:"reason,omitempty"`
		Device    string `json:"device,omitempty"`
		Provider  string `json:"provider,omitempty"`
		CreatedAt string `json:"created_at,omitempty"`
	}
	messageConnection struct {
		ID       string         `json:"id"`
		Provider string         `json:"provider"`
		Account  messageAccount `json:"account"`
		Status   string         `json:"status"`
		Reason   string         `json:"reason,omitempty"`
		Scopes   []string       `json:"scopes"`
	}
	messageAccount struct {
		Subject string `json:"subject"`
		Email   string `json:"email,omitempty"`
		Name    string `json:"name,omitempty"`
	}
)

func plainJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("vault: plain fields did not encode")
	}
	return string(b)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func sessionMessage(s *Session) string {
	return plainJSON(messageSession{ID: s.ID, Device: s.Device, Provider: s.User.Provider, CreatedAt: stamp(s.CreatedAt)})
}

func connectionMessage(c *Connection, status string) string {
	return plainJSON(messageConnection{ID: c.ID, Provider: c.Provider, Status: status, Reason: c.Reason,
		Account: messageAccount{c.Account.Subject, c.Account.Email, c.Account.Name}, Scopes: append([]string{}, c.Scopes...)})
}

// open makes the message of what was taken. What cannot be read is sent with its ids alone.
func (v *Events) open(ctx context.Context, d *Delivery) error {
	var q queued
	if err := json.Unmarshal([]byte(d.item), &q); err != nil {
		v.db.Warn("a queued event does not parse")
	}
	q.User = v.db.IDOf(q.User)
	if d.ID = q.ID; q.Many {
		d.ID += "_" + q.Session
	}
	d.Type, d.At, d.Attempts, d.notBefore = q.Type, time.UnixMilli(q.At), q.Attempts, time.UnixMilli(q.Until)
	m := messageJSON{
		Type:      q.Type,
		Timestamp: stamp(d.At),
		Data:      dataJSON{User: messageUser{ID: q.User, Rights: []string{}}},
	}
	value, err := v.db.Get(ctx, v.userKey(d.tag, "u"))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if rec, err := v.openUser(q.User, value); err == nil && q.Type != "user.erased" {
		m.Data.User = messageUser{ID: rec.ID, AppID: rec.AppID, Provider: rec.Provider, Subject: rec.Subject,
			Name: rec.Profile.Name, Email: rec.Profile.Email, EmailVerified: rec.Profile.EmailVerified,
			Picture: rec.Profile.Picture, Rights: append([]string{}, rec.AllRights()...), CreatedAt: stamp(rec.CreatedAt)}
	}
	if q.Session != "" {
		m.Data.Session = json.RawMessage(plainJSON(messageSession{ID: q.Session, Reason: q.Reason}))
	}
	if extra, ok := v.extra(&q); ok && strings.HasPrefix(q.Type, "session.") {
		m.Data.Session = extra
	} else if ok {
		m.Data.Connection = extra
	}
	d.Body = []byte(plainJSON(m))
	return nil
}

func (v *Events) extra(q *queued) (json.RawMessage, bool) {
	sealed, err := seal.Decode(q.Extra)
	if err != nil || q.Extra == "" {
		return nil, false
	}
	plain, err := v.ring().Open(eventBinding(q.User, q.ID), sealed)
	return plain, err == nil
}
