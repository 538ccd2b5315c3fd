package standin

import (
	"encoding/json"
	"net/url"
	"strings"
)

// People are those who have an account, and what the provider says of them.
type People struct{ *played }

// describe writes who a person is where the file looks for it.
func (s *People) describe(into fields, person string) {
	u := &s.file.Userinfo
	say := func(claim string, v any) {
		path := pathOf(u.Profile, claim)
		if strings.HasPrefix(s.subjectPath(), "0.") && !strings.HasPrefix(path, "0.") {
			return // the answer is a list, which has no names beside its entries
		}
		put(into, path, v)
	}
	if s.file.Shapes.CallbackProfile["name"] == "" {
		say("name", fullName(person))
	}
	say("email", person+"@example.com")
	if s.file.Shapes.CallbackProfile["picture"] == "" {
		say("picture", picture(person))
	}
	say("email_verified", true)
	for i, path := range strings.Split(s.subjectPath(), "+") {
		put(into, path, person+"-"+string(rune('1'+i)))
	}
}

func (s *People) subjectPath() string {
	if s.file.Userinfo.Subject != "" {
		return s.file.Userinfo.Subject
	}
	return "sub"
}

// Subject is a person's id at the stand-in, in the form that the file says.
func (s *People) Subject(person string) string {
	o := fields{}
	s.describe(o, person)
	if s.file.Issuer != "" {
		return person + "-1"
	}
	var parts []string
	for path := range strings.SplitSeq(s.subjectPath(), "+") {
		parts = append(parts, text(at(o, path)))
	}
	return strings.Join(parts, "/")
}

// Account is what bff should make of what the stand-in says of a person: what was recorded, read as a person reads it
// or, where nobody did, as the file says.
func (s *People) Account(person string) Account {
	u := &s.file.Userinfo
	said := fields{}
	s.describe(said, person)
	a := s.cfg.Answers
	if a != nil {
		switch {
		case a.Account != nil:
			return *a.Account
		case a.Userinfo != nil && s.file.Issuer == "":
			said, _ = plain(a.Userinfo.Body).(map[string]any)
		case a.Token != nil && s.file.Issuer == "" && u.URL == "":
			said, _ = plain(a.Token.Body).(map[string]any)
		}
	}
	of := func(claim string) string {
		found := text(at(said, pathOf(u.Profile, claim)))
		if found == "" && u.Profile[claim] != "" {
			return "nothing is at " + u.Profile[claim]
		}
		return found
	}
	account := Account{Name: of("name"), Email: of("email"), Picture: of("picture"), Verified: of("email_verified")}
	if s.file.Shapes.CallbackProfile["name"] != "" {
		account.Name = s.introduced("name", person)
	}
	if s.file.Shapes.CallbackProfile["picture"] != "" {
		account.Picture = s.introduced("picture", person)
	}
	var parts []string
	for path := range strings.SplitSeq(s.subjectPath(), "+") {
		part := text(at(said, path))
		if part == "" {
			part = "nothing is at " + path
		}
		parts = append(parts, part)
	}
	account.Subject = strings.Join(parts, "/")
	if s.file.Issuer != "" {
		account.Subject = s.Subject(person)
	}
	return account
}

func pathOf(profile map[string]string, claim string) string {
	if profile[claim] != "" {
		return profile[claim]
	}
	return claim
}

// introduce writes into the way back who a person is, where that alone says it.
func (s *People) introduce(out url.Values, person string) {
	nested := fields{}
	for _, what := range []string{"name", "picture"} {
		for i, path := range strings.Split(s.file.Shapes.CallbackProfile[what], "+") {
			if path != "" {
				put(nested, path, s.part(what, person, i))
			}
		}
	}
	for name, v := range nested {
		if text := text(v); text != "" {
			out.Set(name, text)
			continue
		}
		if data, err := json.Marshal(v); err == nil {
			out.Set(name, string(data))
		}
	}
}

func (s *People) part(what, person string, i int) string {
	if what == "picture" {
		return picture(person)
	}
	if words := strings.Fields(fullName(person)); strings.Contains(s.file.Shapes.CallbackProfile[what], "+") && i < len(words) {
		return words[i]
	}
	return fullName(person)
}

// introduced is what bff should make of that.
func (s *People) introduced(what, person string) string {
	if a := s.cfg.Answers; a != nil && a.Callback != "" && !strings.Contains(a.Callback, "user=") {
		return ""
	}
	var parts []string
	for i := range strings.Split(s.file.Shapes.CallbackProfile[what], "+") {
		parts = append(parts, s.part(what, person, i))
	}
	return strings.Join(parts, " ")
}

func fullName(person string) string { return strings.ToUpper(person[:1]) + person[1:] + " Example" }

func picture(person string) string { return "https://pictures.example/" + person + ".png" }
