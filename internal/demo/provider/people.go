package provider

import (
	"slices"
	"strings"
	"sync"
)

// A Person has an account at the demo provider.
type Person struct {
	Name         string // short: "ada"
	Subject      string // the sub claim: unique, never reused
	FullName     string
	Email        string
	Locale       string
	HostedDomain string // hd claim; "" for a private account
	Unverified   bool   // nobody has shown that the address is theirs
}

func people() []Person {
	return []Person{
		{Name: "ada", Subject: "109876543210987654321", FullName: "Ada Lovelace", Email: "ada@example.com", Locale: "en"},
		{
			Name:         "grace",
			Subject:      "112233445566778899001",
			FullName:     "Grace Hopper",
			Email:        "grace@example.com",
			Locale:       "en",
			HostedDomain: "example.com",
		},
		{
			Name:     "linus",
			Subject:  "104420000000000001991",
			FullName: "Linus Torvalds",
			Email:    "linus@example.com",
			Locale:   "en",
		},
	}
}

// GivenName is the first of the person's names.
func (p *Person) GivenName() string {
	first, _, _ := strings.Cut(p.FullName, " ")
	return first
}

// Initials are what the pages show in place of a picture.
func (p *Person) Initials() string {
	var out string
	for _, w := range strings.Fields(p.FullName) {
		out += string([]rune(w)[:1])
	}
	return out
}

// A Register holds the accounts. Safe for concurrent use.
type Register struct {
	mu   sync.Mutex
	list []*Person
}

func newRegister(further []Person) *Register {
	r := &Register{}
	for _, p := range append(people(), further...) {
		r.list = append(r.list, &p)
	}
	return r
}

// Find looks a person up by short name, subject or e-mail address.
func (r *Register) Find(name string) *Person {
	if name == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.list {
		if p.Name == name || p.Subject == name || strings.EqualFold(p.Email, name) {
			return p
		}
	}
	return nil
}

// Called is what the log calls a person.
func (r *Register) Called(name string) string {
	if p := r.Find(name); p != nil {
		return p.GivenName()
	}
	return name
}

// all are the accounts themselves, in the order of the page.
func (r *Register) all() []*Person {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// People lists the accounts, in the order of the page.
func (r *Register) People() []Person {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Person, 0, len(r.list))
	for _, p := range r.list {
		out = append(out, *p)
	}
	return out
}

// AddPerson opens an account, or replaces the one of that short name.
func (r *Register) AddPerson(p Person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = slices.DeleteFunc(r.list, func(q *Person) bool { return q.Name == p.Name })
	r.list = append(r.list, &p)
}
