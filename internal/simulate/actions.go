package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"bff/internal/simulate/standin"
)

// signIn has the person sign in, and link the account where nobody signs in with it.
func (b *browser) signIn() string {
	if b.t.lobby == nil {
		return b.signInBy(standin.Choice{})
	}
	b.through("/bff/login/people", standin.SignIn, standin.Choice{})
	form := url.Values{"api_key": {standin.Key(b.person)}, "username": {b.person}, "password": {standin.Key(b.person)}}
	return b.request(http.MethodPost, "/bff/connect/"+b.t.name, form).outcome() + ", " + b.session()
}

// signInBy is a sign-in in which the person chooses.
func (b *browser) signInBy(choice standin.Choice) string {
	a := b.through("/bff/login/"+b.t.name, standin.SignIn, choice)
	return a.outcome() + ", " + b.session()
}

// link goes to the provider again, for more scopes or to repair the connection.
func (b *browser) link(query, kind string, choice standin.Choice) string {
	return b.through("/bff/connect/"+b.t.name+query, kind, choice).outcome()
}

// repair links the account anew, as `fix` of a problem leads to.
func (b *browser) repair() string {
	id := b.connection()["id"]
	if b.t.lobby != nil {
		form := url.Values{"api_key": {standin.Key(b.person)}, "username": {b.person}, "password": {standin.Key(b.person)},
			"connection": {fmt.Sprint(id)}}
		return b.request(http.MethodPost, "/bff/connect/"+b.t.name, form).outcome()
	}
	return b.link("?connection="+fmt.Sprint(id), standin.Repair, standin.Choice{})
}

// call makes one call of an API.
func (b *browser) call(api string) string {
	return b.request(http.MethodGet, "/api/"+api+"/thing", nil).outcome()
}

// again calls while the answer is 503 or 500: it is neither for long, once the provider is well.
func (b *browser) again() (got string) {
	b.t.until(func() bool {
		got = b.call("api")
		return !strings.HasPrefix(got, "50")
	})
	return got
}

// session says whether somebody is signed in, and what is wrong with the connection.
func (b *browser) session() string {
	a := b.request(http.MethodGet, "/bff/session", nil)
	if a.body["authenticated"] != true {
		return "signed out"
	}
	text := "signed in"
	connections, _ := a.body["connections"].([]any)
	for _, c := range connections {
		if c, ok := c.(map[string]any); ok && c["status"] != "active" {
			text += fmt.Sprintf(", %v (%v)", c["status"], c["reason"])
		}
	}
	return text
}

// connection is the first one of the provider.
func (b *browser) connection() map[string]any {
	connections, _ := b.request(http.MethodGet, "/bff/session", nil).body["connections"].([]any)
	for _, c := range connections {
		if c, ok := c.(map[string]any); ok && c["provider"] == b.t.name {
			return c
		}
	}
	return map[string]any{}
}

// account is whose connection it is, as bff has it.
func (b *browser) account() string {
	body := b.request(http.MethodGet, "/bff/session", nil).body
	user, _ := body["user"].(map[string]any)
	account, _ := b.connection()["account"].(map[string]any)
	var parts []string
	for _, v := range []any{account["subject"], account["name"], account["email"]} {
		parts = append(parts, cmp.Or(printed(v), "-"))
	}
	if b.t.lobby == nil {
		parts = append(parts, cmp.Or(printed(user["picture"]), "-"), "e-mail verified: "+cmp.Or(printed(user["email_verified"]), "-"))
	}
	return strings.Join(parts, ", ")
}

func printed(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// scopes are those that the connection was granted.
func (b *browser) scopes() string {
	list, _ := b.connection()["scopes"].([]any)
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprint(s))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// atOnce has n calls made at the same time and counts those that went well.
func (b *browser) atOnce(n int) int {
	var mu sync.Mutex
	var work sync.WaitGroup
	fine := 0
	for range n {
		work.Go(func() {
			if b.call("api") == "200" {
				mu.Lock()
				fine++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return fine
}

func livesFor(d time.Duration) string { return "it lives for " + d.Truncate(time.Minute).String() }

// exchange is how long the access token lives that a service is given for the browser's session; want is how long it
// should, when it was new.
func (b *browser) exchange(want time.Duration) string {
	u, _ := url.Parse(origin) // constant
	cookie := ""
	for _, c := range b.jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "bff") {
			cookie = c.Value
		}
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {cookie},
		"subject_token_type": {"urn:bff:session"}, "audience": {b.t.name}}
	r, err := http.NewRequestWithContext(b.t.ctx, http.MethodPost, "http://admin.simulated.example/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		return "-"
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(service, url.QueryEscape(b.t.secret))
	r.RemoteAddr = "127.0.0.1:40001"
	w := serve(b.t.instance.Admin(), r)
	var answer struct {
		ExpiresIn *float64 `json:"expires_in"`
	}
	if w.status != http.StatusOK || json.Unmarshal(w.body.Bytes(), &answer) != nil {
		return fmt.Sprint(w.status)
	}
	if answer.ExpiresIn == nil {
		return "its end is not known"
	}
	left := time.Duration(*answer.ExpiresIn) * time.Second
	if left <= want && left > want-2*time.Minute { // as much time as a trial on a busy machine may take
		return livesFor(want)
	}
	return livesFor(left)
}
