package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"bff/internal/audit"
	"bff/internal/testenv"
	"bff/internal/users"
)

func workerAsks(t testing.TB, w *world, method, path, body string, edits ...edit) *http.Response {
	t.Helper()
	return ask(t, w, method, path, body, append([]edit{header("Content-Type", "application/merge-patch+json"),
		basic("worker", dataSecret)}, edits...)...)
}

func TestManagingUsersIsForServicesThatMay(t *testing.T) {
	clock := newClock()
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) { s.now = clock.now })
	b := w.browser()
	s := b.signIn("ada")
	user, session := userOf(s), s["session"].(map[string]any)["id"].(string)
	for _, row := range []struct{ method, path string }{
		{"GET", "/users"}, {"GET", "/users/" + user}, {"PATCH", "/users/" + user}, {"DELETE", "/users/" + user},
		{"GET", "/users/" + user + "/sessions"}, {"DELETE", "/users/" + user + "/sessions"}, {"DELETE", "/sessions/" + session},
		{"GET", "/users/" + user + "/connections"}, {"DELETE", "/users/" + user + "/connections/c_x"},
		{"GET", "/users/" + user + "/data"}, {"PATCH", "/users/" + user + "/data"},
		{"GET", "/sessions/" + session + "/data"}, {"PATCH", "/sessions/" + session + "/data"},
	} {
		name, isData := row.method+" "+row.path, strings.HasSuffix(row.path, "/data")
		kind := header("Content-Type", "application/json")
		good, wrong := basic("backoffice", manageSecret), basic("worker", dataSecret)
		if isData {
			good, wrong = wrong, good
		}
		for who, is := range map[string]struct {
			edits  []edit
			status int
		}{
			"nobody":                     {[]edit{kind}, 401},
			"a wrong secret":             {[]edit{kind, basic("backoffice", "x")}, 401},
			"another client's secret":    {[]edit{kind, basic("backoffice", dataSecret)}, 401},
			"an unknown client":          {[]edit{kind, basic("stranger", manageSecret)}, 401},
			"a client that may not":      {[]edit{kind, wrong}, 403},
			"a client with neither":      {[]edit{kind, basic("billing", billingSecret)}, 403},
			"a session's cookie":         {[]edit{kind, header("Cookie", "bff="+b.cookie("bff"))}, 401},
			"a page, with a good secret": {[]edit{kind, good, header("Sec-Fetch-Site", "same-origin")}, 403},
		} {
			clock.advance(4 * time.Second) // wrong secrets in a row are slowed down
			if resp := ask(t, w, row.method, row.path, `{"rights":["x"]}`, is.edits...); resp.StatusCode != is.status {
				t.Errorf("%s by %s: %d, want %d", name, who, resp.StatusCode, is.status)
			}
		}
		if resp := b.fetch(row.method, row.path, `{}`, kind); resp.StatusCode < 400 {
			t.Errorf("%s on the browsers' listener: %d", name, resp.StatusCode)
		}
	}
	if s := b.session(); s["authenticated"] != true || rightsOf(s) != "" {
		t.Errorf("something was done: %v", s)
	}
}

func TestListingUsersIsPagedAndFiltered(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}))
	var ids []string
	for _, p := range []string{"ada", "grace", "linus"} {
		ids = append(ids, userOf(w.browser().signIn(p)))
	}
	seen := map[string]int{}
	after, pages := "", 0
	for {
		page := object(t, manage(t, w, "GET", "/users?limit=1&after="+url.QueryEscape(after), ""))
		for _, u := range page["users"].([]any) {
			seen[u.(map[string]any)["id"].(string)]++
		}
		next, more := page["next"].(string)
		if pages++; !more || pages > 10 {
			break
		}
		after = next
	}
	for _, id := range ids {
		if seen[id] != 1 {
			t.Errorf("%s is listed %d times", id, seen[id])
		}
	}
	found := object(t, manage(t, w, "GET", "/users?email=grace%40example.com", ""))["users"].([]any)
	if len(found) != 1 || found[0].(map[string]any)["id"] != ids[1] {
		t.Errorf("by e-mail: %v", found)
	}
	if got := text(manage(t, w, "GET", "/users?email=nobody%40example.com", "")); got != `{"users":[],"next":null}` {
		t.Errorf("nobody: %s", got)
	}
	for _, q := range []string{"limit=0", "limit=201", "limit=-1", "limit=x", "limit=1&limit=2", "name=ada", "email=%zz", "limit=1;after=2"} {
		refused(t, manage(t, w, "GET", "/users?"+q, ""), 400, "bad_request")
	}
}

func TestOneUserIsShownWithoutAnythingThatSignsIn(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{Rights: map[string][]string{"demo": {"provider:demo"}}}))
	b := w.browser()
	user := userOf(b.signIn("ada"))
	setRights(t, w, user, "support", "admin", "support")
	u := object(t, manage(t, w, "GET", "/users/"+user, ""))
	want := map[string]any{
		"id":               user,
		"email":            "ada@example.com",
		"email_verified":   true,
		"name":             "Ada Lovelace",
		"provider":         "demo",
		"rights":           "[admin demo support]",
		"rights_by_source": "map[accounts:[demo] admin:[admin support] hook:[]]",
	}
	for name, value := range want {
		if fmt.Sprint(u[name]) != fmt.Sprint(value) {
			t.Errorf("%s: %v, want %v", name, u[name], value)
		}
	}
	if is := u["identities"].([]any); len(is) != 1 || is[0].(map[string]any)["issuer"] != w.demo.Issuer {
		t.Errorf("identities: %v", u["identities"])
	}
	for _, id := range []string{"u_unknown", "x", "s_1", user + "x"} {
		refused(t, manage(t, w, "GET", "/users/"+id, ""), 404, "not_found")
	}
	canSee(t, w, nil, b.cookie("bff"))
}

func TestRightsThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}))
	user := userOf(w.browser().signIn("ada"))
	setRights(t, w, user, "kept")
	for name, body := range map[string]string{
		"nothing": ``, "null": `null`, "a list": `["x"]`, "another field": `{"rights":["x"],"admin":true}`, "no field": `{}`,
		"a string": `{"rights":"x"}`, "an object": `{"rights":{"x":true}}`, "a null": `{"rights":null}`, "a number in it": `{"rights":[1]}`,
		"an empty name": `{"rights":[""]}`, "a space around": `{"rights":[" x"]}`, "a line break": `{"rights":["a\nb"]}`,
		"a name twice": `{"rights":["x"],"rights":["y"]}`, "a long name": `{"rights":["` + strings.Repeat("x", 257) + `"]}`,
		"too many": `{"rights":[` + strings.Repeat(`"x",`, users.MaxRights) + `"x"]}`,
	} {
		if resp := manage(t, w, "PATCH", "/users/"+user, body); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text(resp))
		}
	}
	refused(
		t,
		manage(t, w, "PATCH", "/users/"+user, `{"rights":["x"]}`, header("Content-Type", "text/plain")),
		400,
		"bad_request",
	)
	refused(t, manage(t, w, "PATCH", "/users/u_unknown", `{"rights":["x"]}`), 404, "not_found")
	if u := object(t, manage(t, w, "GET", "/users/"+user, "")); fmt.Sprint(u["rights"]) != "[kept]" {
		t.Errorf("%v", u["rights"])
	}
}

func TestErasingLeavesNothingAndGivesAReceipt(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) { s.keep = "user" })
	phone, laptop, other := w.browser(), w.browser(), w.browser()
	user := userOf(phone.signIn("ada"))
	laptop.signIn("ada")
	grace := userOf(other.signIn("grace"))
	phone.fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, mergePatch)
	workerAsks(t, w, "PATCH", "/users/"+user+"/data", `{"a":1}`)
	listening := laptop.listen()
	resp := manage(t, w, "DELETE", "/users/"+user, "")
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text(resp))
	}
	receipt := object(t, resp)["receipt"].(string)
	jws, err := jose.ParseSignedCompact(receipt, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text(ask(t, w, "GET", "/jwks.json", ""))), &keys); err != nil {
		t.Fatal(err)
	}
	known := keys.Key(jws.Signatures[0].Header.KeyID)
	if len(known) != 1 {
		t.Fatal("the receipt's key is not in the JWK Set")
	}
	payload, err := jws.Verify(known[0].Key)
	var says struct {
		Iss, Sub string
		Deleted  map[string]int
		Waiting  []string
	}
	if err != nil || json.Unmarshal(payload, &says) != nil || says.Sub != user || says.Iss != w.origin ||
		says.Deleted["sessions"] != 2 ||
		says.Deleted["connections"] != 1 ||
		says.Waiting == nil {
		t.Errorf("the receipt: %s, %v", payload, err)
	}
	if e, ok := listening.next(); !ok || e.name != "session.ended" || !strings.Contains(e.data, "erased") {
		t.Errorf("the open page got %v", e)
	}
	for _, b := range []*browser{phone, laptop} {
		if b.session()["authenticated"] != false {
			t.Error("a session lives on")
		}
	}
	refused(t, manage(t, w, "GET", "/users/"+user, ""), 404, "not_found")
	refused(t, manage(t, w, "DELETE", "/users/"+user, ""), 404, "not_found")
	refused(t, workerAsks(t, w, "GET", "/users/"+user+"/data", ""), 404, "not_found")
	if other.session()["authenticated"] != true || object(t, manage(t, w, "GET", "/users/"+grace, ""))["id"] != grace {
		t.Error("another user was erased with her")
	}
	again := w.browser()
	s := again.signIn("ada")
	if got := text(again.fetch("GET", "/bff/preferences", "")); got != "{}" || rightsOf(s) != "" {
		t.Errorf("a new user finds %s", got)
	}
	if userOf(s) != user {
		refused(t, workerAsks(t, w, "GET", "/users/"+user+"/data", ""), 404, "not_found")
	} else if got := text(workerAsks(t, w, "GET", "/users/"+user+"/data", "")); got != "{}" {
		t.Errorf("data of before: %s", got)
	}
}

func TestSessionsAndConnectionsOfAUserAreListedAndEnded(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) { s.keep = "user" })
	phone, laptop := w.browser(), w.browser()
	s := phone.signIn("ada")
	laptop.signIn("ada")
	user := userOf(s)
	list := object(t, manage(t, w, "GET", "/users/"+user+"/sessions", ""))["sessions"].([]any)
	if len(list) != 2 {
		t.Fatalf("sessions: %v", list)
	}
	id := s["session"].(map[string]any)["id"].(string)
	if resp := manage(t, w, "DELETE", "/sessions/"+id, ""); resp.StatusCode != 204 {
		t.Fatalf("%d", resp.StatusCode)
	}
	if phone.session()["authenticated"] != false || laptop.session()["authenticated"] != true {
		t.Error("it ended another one")
	}
	refused(t, manage(t, w, "DELETE", "/sessions/"+id, ""), 404, "not_found")
	refused(t, manage(t, w, "DELETE", "/sessions/s_unknown", ""), 404, "not_found")
	kept := object(t, manage(t, w, "GET", "/users/"+user+"/connections", ""))["connections"].([]any)
	if len(kept) != 1 {
		t.Fatalf("connections: %v", kept)
	}
	refused(t, manage(t, w, "DELETE", "/users/"+user+"/connections/c_unknown", ""), 404, "not_found")
	c := kept[0].(map[string]any)["id"].(string)
	if resp := manage(t, w, "DELETE", "/users/"+user+"/connections/"+c, ""); resp.StatusCode != 204 {
		t.Fatalf("%d", resp.StatusCode)
	}
	refused(t, laptop.fetch("GET", "/api/calendar/users/me/calendarList", ""), 403, "not_connected")
	if resp := manage(t, w, "DELETE", "/users/"+user+"/sessions", ""); resp.StatusCode != 204 {
		t.Fatalf("%d", resp.StatusCode)
	}
	if laptop.session()["authenticated"] != false {
		t.Error("a session lives on")
	}
	for _, path := range []string{"/sessions", "/connections"} {
		refused(t, manage(t, w, "GET", "/users/u_unknown"+path, ""), 404, "not_found")
	}
	refused(t, manage(t, w, "DELETE", "/users/u_unknown/sessions", ""), 404, "not_found")
}

func TestDataOfAServiceIsItsOwn(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}))
	b := w.browser()
	s := b.signIn("ada")
	session := s["session"].(map[string]any)["id"].(string)
	private := basic("private", otherSecret)
	for _, path := range []string{"/users/" + userOf(s) + "/data", "/sessions/" + session + "/data"} {
		if got := text(workerAsks(t, w, "GET", path, "")); got != "{}" {
			t.Fatalf("%s: %s", path, got)
		}
		resp := workerAsks(t, w, "PATCH", path, `{"cart":[1],"n":1}`)
		tag := resp.Header.Get("ETag")
		if got := text(resp); resp.StatusCode != 200 || !strings.Contains(got, `"cart":[1]`) || tag == "" {
			t.Fatalf("%s: %d %s %s", path, resp.StatusCode, got, tag)
		}
		if got := text(workerAsks(t, w, "PATCH", path, `{"n":null}`, header("If-Match", tag))); got != `{"cart":[1]}` {
			t.Errorf("%s: %s", path, got)
		}
		refused(t, workerAsks(t, w, "PATCH", path, `{"n":2}`, header("If-Match", tag)), 412, "conflict")
		refused(t, workerAsks(t, w, "PATCH", path, `{"n":"`+strings.Repeat("x", 16<<10)+`"}`), 413, "body_too_large")
		if got := text(workerAsks(t, w, "GET", path, "", private)); got != "{}" {
			t.Errorf("%s: another client sees %s", path, got)
		}
		if got := text(workerAsks(t, w, "GET", path+"?of=worker", "", private)); got != `{"cart":[1]}` {
			t.Errorf("%s: shared data is %s", path, got)
		}
		for _, of := range []string{"nobody", "worker/.."} {
			refused(t, workerAsks(t, w, "GET", path+"?of="+url.QueryEscape(of), ""), 404, "not_found")
		}
		for _, of := range []string{"private", "backoffice"} {
			refused(t, workerAsks(t, w, "GET", path+"?of="+of, ""), 403, "not_permitted")
		}
		refused(t, workerAsks(t, w, "PATCH", path+"?of=worker", `{"n":3}`, private), 400, "bad_request")
		refused(t, workerAsks(t, w, "GET", path+"?of=worker&of=worker", ""), 400, "bad_request")
	}
	b.fetch("POST", "/bff/logout", "")
	refused(t, workerAsks(t, w, "GET", "/sessions/"+session+"/data", ""), 404, "not_found")
	refused(t, workerAsks(t, w, "PATCH", "/sessions/"+session+"/data", `{"n":1}`), 404, "not_found")
	refused(t, workerAsks(t, w, "GET", "/users/u_unknown/data", ""), 404, "not_found")
	if got := text(workerAsks(t, w, "GET", "/users/"+userOf(s)+"/data", "")); got != `{"cart":[1]}` {
		t.Errorf("after the logout: %s", got)
	}
}

func TestOneServiceThatAsksWithoutEndIsSlowedDownAlone(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) {
		begun := time.Now()
		s.now = func() time.Time { return begun } // no token comes back
	})
	for range 1000 {
		if resp := manage(t, w, "GET", "/users?limit=1", ""); resp.StatusCode != 200 {
			t.Fatalf("within its share: %d", resp.StatusCode)
		}
	}
	if resp := manage(t, w, "GET", "/users", ""); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("beyond it: %d", resp.StatusCode)
	}
	if resp := workerAsks(t, w, "GET", "/users/u_x/data", ""); resp.StatusCode != 404 {
		t.Errorf("another service: %d", resp.StatusCode)
	}
}

// Every service has a line of its own in the audit log, under the name that it authenticated with: two that do the same
// can be distinguished, and none writes in another's name.
func TestEveryServiceHasAnAuditLineOfItsOwn(t *testing.T) {
	seen := &notes{}
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) { s.audit = seen })
	b := w.browser()
	user := userOf(b.signIn("ada"))
	for name, deed := range map[string]struct {
		do   func(as edit) *http.Response
		by   map[string]string // secrets
		kind audit.Kind
	}{
		"PATCH /users/{id}/data": {func(as edit) *http.Response {
			return workerAsks(t, w, "PATCH", "/users/"+user+"/data", `{"n":1}`, as)
		}, map[string]string{"worker": dataSecret, "backoffice": manageSecret}, audit.DataSet},
		"PATCH /users/{id}": {func(as edit) *http.Response {
			return manage(t, w, "PATCH", "/users/"+user, `{"rights":["r`+testenv.Random(t)+`"]}`, as)
		}, map[string]string{"worker": dataSecret, "backoffice": manageSecret}, audit.RightsChanged},
		"POST /introspect": {func(as edit) *http.Response {
			return ask(t, w, "POST", "/introspect", form("token", b.cookie("bff")),
				header("Content-Type", "application/x-www-form-urlencoded"), as)
		}, map[string]string{"worker": dataSecret, "backoffice": manageSecret, "billing": billingSecret}, audit.Introspected},
	} {
		for service, secret := range deed.by {
			seen.forget()
			status := deed.do(basic(service, secret)).StatusCode
			by := seen.services(deed.kind)
			if status == http.StatusOK && fmt.Sprint(by) != "["+service+"]" ||
				status != http.StatusOK && (status != http.StatusForbidden || len(by) > 0) {
				t.Errorf("%s by %s: %d, and the audit log has it of %v", name, service, status, by)
			}
		}
	}
}

// services are those that did what is audited as this kind.
func (n *notes) services(kind audit.Kind) (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.kept {
		if e.Kind == kind && e.Actor.Kind == audit.ByClient {
			all = append(all, e.Actor.Name)
		}
	}
	return all
}

func TestAPersonTakesAlongOrErasesWhatBffHolds(t *testing.T) {
	h := newHookProgram(t)
	h.says(200, `{"id": "42", "rights": ["editor"], "data": {"plan": "pro"}}`)
	clock := &shiftedClock{}
	w := newWorld(t, withUsers(users.Config{Hook: h.config(true)}), func(s *settings) { s.now = clock.now })
	b, nobody := w.browser(), w.browser()
	refused(t, nobody.fetch("GET", "/bff/account/export", ""), 401, "not_signed_in")
	refused(t, nobody.fetch("DELETE", "/bff/account", ""), 401, "not_signed_in")
	user := userOf(b.signIn("ada"))
	b.fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, mergePatch)
	workerAsks(t, w, "PATCH", "/users/"+user+"/data", `{"a":1}`)
	resp := b.fetch("GET", "/bff/account/export", "")
	if resp.Header.Get("Content-Disposition") != `attachment; filename="account.json"` ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", resp.Header)
	}
	all := object(t, resp)
	for name, want := range map[string]string{"preferences": "map[theme:dark]", "data": "map[worker:map[a:1]]", "hook": "map[plan:pro]", "uses": "[]"} {
		if got := fmt.Sprint(all[name]); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if u := all["user"].(map[string]any); u["id"] != user || u["app_id"] != "42" || fmt.Sprint(u["rights"]) != "[editor]" {
		t.Errorf("user: %v", u)
	}
	if len(all["identities"].([]any)) != 1 || len(all["connections"].([]any)) != 1 || len(all["sessions"].([]any)) != 1 {
		t.Errorf("%v", all)
	}
	canSee(t, w, nil, b.cookie("bff"))
	refused(t, b.fetch("DELETE", "/bff/account", "", header("Sec-Fetch-Site", "cross-site")), 403, "csrf_rejected")
	clock.add(6 * time.Minute)
	p := refused(t, b.fetch("DELETE", "/bff/account", ""), 401, "not_signed_in")
	if fix := p["fix"].(map[string]any); fix["url"] != "/bff/login/demo?prompt=login&return_to=%2Fbff%2Faccount%3Ferase%3D1" {
		t.Errorf("fix: %v", fix)
	}
	fresh := w.browser()
	fresh.signIn("ada")
	if resp := fresh.fetch("DELETE", "/bff/account", ""); resp.StatusCode != 204 || fresh.cookie("bff") != "" {
		t.Fatalf("%d", resp.StatusCode)
	}
	if b.session()["authenticated"] != false {
		t.Error("the other session lives on")
	}
	refused(t, manage(t, w, "GET", "/users/"+user, ""), 404, "not_found")
}
