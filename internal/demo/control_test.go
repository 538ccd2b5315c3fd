package demo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bff/internal/demo"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
	"bff/internal/demo/trouble"
	"bff/internal/testenv"
)

// ask calls the control as the page does, with the headers changed.
func ask(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, origin+path, strings.NewReader(body))
	r.Header.Set("X-CSRF", "1")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheControlAnswersItsOwnOriginAlone(t *testing.T) {
	d := start(t, nil)
	h := d.Control(
		demo.Hooks{SignIn: func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusNoContent) }},
	)
	for name, headers := range map[string][]string{
		"another site":               {"Sec-Fetch-Site", "cross-site"},
		"a sibling":                  {"Sec-Fetch-Site", "same-site"},
		"a typed address":            {"Sec-Fetch-Site", "none"},
		"another origin":             {"Sec-Fetch-Site", "", "Origin", "http://evil.example"},
		"the null origin":            {"Sec-Fetch-Site", "", "Origin", "null"},
		"no X-CSRF":                  {"X-CSRF", ""},
		"another X-CSRF":             {"X-CSRF", "0"},
		"a name pointed at us":       {"Host", "evil.example"},
		"localhost in place of ours": {"Host", "localhost:9"},
	} {
		t.Run(name, func(t *testing.T) {
			for path, body := range map[string]string{"/demo/do": `{"do":"down"}`, "/demo/sign-in": `{"person":"ada"}`} {
				if w := ask(h, http.MethodPost, path, body, headers...); w.Code != http.StatusForbidden {
					t.Errorf("%s is answered %d", path, w.Code)
				}
			}
		})
	}
	if d.Mode() != trouble.Up {
		t.Error("something was done all the same")
	}
	for name, headers := range map[string][]string{"the page": nil, "a program": {"Sec-Fetch-Site", ""}, "the page, with Origin": {"Origin", origin}} {
		if w := ask(h, http.MethodPost, "/demo/sign-in", `{"person":"ada"}`, headers...); w.Code != http.StatusNoContent {
			t.Errorf("%s is answered %d", name, w.Code)
		}
	}
}

func TestTheControlRefusesWhatItCannotRead(t *testing.T) {
	h := start(t, nil).Control(demo.Hooks{})
	for name, row := range map[string]struct {
		method, path, body string
		status             int
	}{
		"no JSON":                    {"POST", "/demo/do", "do=down", 400},
		"an unknown thing to do":     {"POST", "/demo/do", `{"do":"nonsense"}`, 400},
		"nothing to do":              {"POST", "/demo/do", `{}`, 400},
		"a body that is too large":   {"POST", "/demo/do", `{"do":"` + strings.Repeat("x", 5000) + `"}`, 400},
		"GET of what changes things": {"GET", "/demo/do", "", 405},
		"sign-in without its hook":   {"POST", "/demo/sign-in", `{"person":"ada"}`, 404},
		"another path":               {"GET", "/demo/secrets", "", 404},
	} {
		if w := ask(h, row.method, row.path, row.body); w.Code != row.status {
			t.Errorf("%s is answered %d", name, w.Code)
		}
	}
}

func TestWhatTheControlDoes(t *testing.T) {
	uri, got := receiver(t, http.StatusOK)
	d := start(t, func(c *demo.Config) { c.BackchannelLogoutURI = uri })
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	ada, grace := c.signIn("ada"), c.signIn("grace")
	who := d.People()[0].Subject
	h := d.Control(demo.Hooks{Who: func(*http.Request) string { return who }})
	do := func(what string) {
		t.Helper()
		if w := ask(h, http.MethodPost, "/demo/do", `{"do":"`+what+`"}`); w.Code != http.StatusNoContent {
			t.Errorf("%s is answered %d", what, w.Code)
		}
	}
	status := func(token string) int {
		resp, _ := c.call(d.APIURL+"/users/me/calendarList", token)
		return resp.StatusCode
	}
	do("expire")
	if status(ada.AccessToken) != 401 || status(grace.AccessToken) != 200 {
		t.Error("expire does not concern the caller alone")
	}
	for _, m := range []trouble.Mode{trouble.Down, trouble.Slow, trouble.Refuse, trouble.Up} {
		if do(string(m)); d.Mode() != m {
			t.Errorf("%s leads to %s", m, d.Mode())
		}
	}
	do("rotate")
	do("end-elsewhere")
	if r := testenv.Receive(t, "what was sent", got); !strings.HasPrefix(bodyOf(t, r), "logout_token=") {
		t.Error("the back channel was not used")
	}
	do("revoke")
	if d.Live("ada") != 0 || d.Live("grace") != 1 {
		t.Error("revoke does not concern the caller alone")
	}
	who = ""
	do("revoke")
	if d.Live("grace") != 0 {
		t.Error("with nobody signed in, revoke concerns everybody")
	}
	do("down")
	do("reset")
	if d.Mode() != trouble.Up {
		t.Error("reset does not bring it up")
	}
}

func TestTheControlShowsStateAndLog(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("ada")
	if _, err := c.refresh(tok.RefreshToken); err != nil {
		t.Fatal(err)
	}
	h := d.Control(demo.Hooks{Who: func(*http.Request) string { return d.People()[0].Subject }})
	w := ask(h, http.MethodGet, "/demo/state", "", "X-CSRF", "")
	var state struct {
		Mode          string
		Issued        int
		Refreshes     int
		TokenLifetime int `json:"token_lifetime"`
		People        []string
		You           struct {
			Person    string
			Refreshes int
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &state); err != nil {
		t.Fatal(err)
	}
	if state.Mode != "up" || state.Issued != 2 || state.Refreshes != 1 || state.TokenLifetime != 30 ||
		state.You.Person != "ada" ||
		state.You.Refreshes != 1 ||
		len(state.People) != 3 {
		t.Errorf("the state is %+v", state)
	}
	var log struct{ Entries []journal.Entry }
	if err := json.Unmarshal(ask(h, http.MethodGet, "/demo/log", "").Body.Bytes(), &log); err != nil ||
		len(log.Entries) < 3 {
		t.Fatalf("the log is %+v, %v", log, err)
	}
	last := log.Entries[len(log.Entries)-1]
	if last.What != "refresh" || last.Who != "ada" || !strings.HasPrefix(last.Text, "Ada's access token was renewed") {
		t.Errorf("the last entry is %+v", last)
	}
	for _, after := range []string{"999", "x"} {
		w := ask(h, http.MethodGet, "/demo/log?after="+after, "")
		if err := json.Unmarshal(w.Body.Bytes(), &log); err != nil || (after == "999") != (len(log.Entries) == 0) {
			t.Errorf("after=%s gives %d entries, %v", after, len(log.Entries), err)
		}
	}
}

func TestTheLogIsBounded(t *testing.T) {
	d := start(t, nil)
	for range 1500 {
		d.RevokePerson("ada")
	}
	if n := len(d.Log(0)); n < 100 || n > 200 {
		t.Errorf("%d entries are kept", n)
	}
	if e := d.Log(0); e[len(e)-1].N != 1500 {
		t.Errorf("the last one is no. %d", e[len(e)-1].N)
	}
}
