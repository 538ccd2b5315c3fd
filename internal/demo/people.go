package demo

import (
	"slices"
	"strings"
)

// A Person has an account at the demo provider.
type Person struct {
	Name         string // short: "ada"
	Subject      string // the sub claim: unique, never reused
	FullName     string
	Email        string
	Locale       string
	HostedDomain string // hd claim; "" for a private account
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

// find looks a person up by short name, subject or e-mail address.
func (d *Demo) find(name string) *Person {
	if name == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.people {
		if p.Name == name || p.Subject == name || strings.EqualFold(p.Email, name) {
			return p
		}
	}
	return nil
}

// called is what the log calls a person.
func (d *Demo) called(name string) string {
	if p := d.find(name); p != nil {
		return p.GivenName()
	}
	return name
}

// People lists the accounts, in the order of the page.
func (d *Demo) People() []Person {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Person, 0, len(d.people))
	for _, p := range d.people {
		out = append(out, *p)
	}
	return out
}

// AddPerson opens an account, or replaces the one of that short name.
func (d *Demo) AddPerson(p Person) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people = slices.DeleteFunc(d.people, func(q *Person) bool { return q.Name == p.Name })
	d.people = append(d.people, &p)
}
