package demo_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/oauth2"
	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"bff/internal/demo"
	"bff/internal/demo/provider"
)

// bearer makes Google's own clients send a token that was issued without a flow.
func bearer(t *testing.T, d *demo.Demo, person string, scopes ...string) (*http.Client, string) {
	t.Helper()
	tokens, ok := d.Issue(person, scopes...)
	if !ok {
		t.Fatalf("%s is unknown", person)
	}
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{
		Transport: &oauth2.Transport{Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tokens.Access}), Base: base},
	}, tokens.Access
}

func calendarOf(t *testing.T, d *demo.Demo, person string, scopes ...string) *calendar.Service {
	t.Helper()
	h, _ := bearer(t, d, person, scopes...)
	s, err := calendar.NewService(t.Context(), option.WithHTTPClient(h), option.WithEndpoint(d.APIURL+"/"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func driveOf(t *testing.T, d *demo.Demo, person string, scopes ...string) *drive.Service {
	t.Helper()
	h, _ := bearer(t, d, person, scopes...)
	s, err := drive.NewService(t.Context(), option.WithHTTPClient(h), option.WithEndpoint(d.FilesURL+"/"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reason is why Google's client says a call failed.
func reason(t *testing.T, err error) (int, string) {
	t.Helper()
	var e *googleapi.Error
	if !errors.As(err, &e) || len(e.Errors) == 0 {
		t.Fatalf("not an API error: %v", err)
	}
	return e.Code, e.Errors[0].Reason
}

func TestGooglesCalendarClientReadsTheWeek(t *testing.T) {
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	d := start(t, func(c *demo.Config) { c.Now = func() time.Time { return monday.Add(50 * time.Hour) } })
	s := calendarOf(t, d, "ada", provider.ScopeCalendarReadonly)
	list, err := s.CalendarList.List().Do()
	if err != nil || len(list.Items) != 2 || !list.Items[0].Primary || list.Items[0].Id != "ada@example.com" {
		t.Fatalf("the calendars are %+v, %v", list, err)
	}
	for _, c := range list.Items {
		week, err := s.Events.List(c.Id).
			TimeMin(monday.Format(time.RFC3339)).
			TimeMax(monday.AddDate(0, 0, 7).Format(time.RFC3339)).
			SingleEvents(true).
			OrderBy("startTime").
			Do()
		if err != nil {
			t.Fatal(err)
		}
		if len(week.Items) < 5 {
			t.Errorf("%s has %d events this week", c.Summary, len(week.Items))
		}
		before := ""
		for _, e := range week.Items {
			if e.Start.DateTime < before || e.Start.DateTime >= e.End.DateTime || e.Summary == "" {
				t.Errorf("%q is from %s to %s, after %s", e.Summary, e.Start.DateTime, e.End.DateTime, before)
			}
			before = e.Start.DateTime
		}
	}
	pages, all := 0, 0
	if err := s.Events.List("primary").MaxResults(5).Pages(t.Context(), func(p *calendar.Events) error { pages++; all += len(p.Items); return nil }); err != nil {
		t.Fatal(err)
	}
	if whole, err := s.Events.List("primary").Do(); err != nil || pages < 3 || all != len(whole.Items) {
		t.Errorf("%d events in %d pages, %v", all, pages, err)
	}
	if found, err := s.Events.List("primary").Q("bernoulli").Do(); err != nil || len(found.Items) != 2 {
		t.Errorf("the search finds %v, %v", found, err)
	}
	if _, err := s.Events.List("grace@example.com").Do(); err == nil {
		t.Error("ada reads grace's calendar")
	}
	if _, err := s.Events.List("primary").TimeMin("yesterday").Do(); err == nil {
		t.Error("a time that is none is taken")
	}
}

func TestEventsCanBeAddedWithTheScopeForIt(t *testing.T) {
	d := start(t, nil)
	in := &calendar.Event{Summary: "Tea", Start: &calendar.EventDateTime{DateTime: time.Now().Format(time.RFC3339)},
		End: &calendar.EventDateTime{DateTime: time.Now().Add(time.Hour).Format(time.RFC3339)}}
	_, err := calendarOf(t, d, "ada", provider.ScopeCalendarReadonly).Events.Insert("primary", in).Do()
	if status, why := reason(t, err); status != http.StatusForbidden || why != "insufficientPermissions" {
		t.Errorf("without the scope it answers %d %s", status, why)
	}
	s := calendarOf(t, d, "ada", provider.ScopeCalendarEvents)
	e, err := s.Events.Insert("primary", in).Do()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Events.Get("primary", e.Id).Do(); err != nil || got.Summary != "Tea" {
		t.Errorf("it reads %v, %v", got, err)
	}
	if err := s.Events.Delete("primary", e.Id).Do(); err != nil {
		t.Error(err)
	}
	if _, err := s.Events.Get("primary", e.Id).Do(); err == nil {
		t.Error("it is still there")
	}
	if _, err := s.Events.Insert("team@group.calendar.example.com", in).Do(); err == nil {
		t.Error("a calendar that is shared for reading is written")
	}
	if _, err := s.Events.Insert("primary", &calendar.Event{Summary: "Never"}).Do(); err == nil {
		t.Error("an event without a time is taken")
	}
}

func TestGooglesClientListsTheDemoDrive(t *testing.T) {
	d := start(t, nil)
	read := driveOf(t, d, "grace", provider.ScopeDriveReadonly)
	list, err := read.Files.List().Do()
	if err != nil || len(list.Files) != 4 {
		t.Fatalf("the files are %v, %v", list, err)
	}
	pages := 0
	if err := read.Files.List().PageSize(3).Pages(t.Context(), func(*drive.FileList) error { pages++; return nil }); err != nil ||
		pages != 2 {
		t.Errorf("%d pages, %v", pages, err)
	}
	get := read.Files.Get("f-grace-numbers")
	get.Header().Set("Range", "bytes=0-5")
	resp, err := get.Download()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusPartialContent || string(b) != "n,n^2," {
		t.Errorf("a range is %d %q", resp.StatusCode, b)
	}
	if _, err := read.Files.Get("f-ada-numbers").Do(); err == nil {
		t.Error("grace reads ada's file")
	}
	if _, err := read.Files.Create(&drive.File{Name: "x"}).Media(strings.NewReader("x")).Do(); err == nil {
		t.Error("a file is stored with a scope for reading")
	}
}

// Drive's upload protocols, by Google's own client: it follows the absolute address and asks for 200 in place of 308.
func TestGooglesClientUploadsToTheDemoDrive(t *testing.T) {
	d := start(t, nil)
	s := driveOf(t, d, "ada", provider.ScopeDrive)
	// The client sends uploads to the root of the host, as at Google.
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	for name, chunk := range map[string]int{"multipart": 0, "resumable": 256 << 10} {
		f, err := s.Files.Create(&drive.File{Name: name, MimeType: "text/plain"}).
			Media(bytes.NewReader(content), googleapi.ChunkSize(chunk)).
			Do()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resp, err := s.Files.Get(f.Id).Download()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(b, content) || f.Name != name || f.MimeType != "text/plain" {
			t.Errorf("%s: %d bytes come back as %s, %v", name, len(b), f.Name, err)
		}
		if err := s.Files.Delete(f.Id).Do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResumableUploadByHand(t *testing.T) {
	d := start(t, nil)
	h, _ := bearer(t, d, "ada", provider.ScopeDrive)
	stranger, _ := bearer(t, d, "grace", provider.ScopeDrive)
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	send := func(h *http.Client, method, address, span, body string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if span != "" {
			r.Header.Set("Content-Range", span)
		}
		resp, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return resp
	}
	to := send(h, http.MethodPost, d.UploadURL+"/files?uploadType=resumable", "", `{"name":"n"}`).Header.Get("Location")
	if !strings.HasPrefix(to, d.UploadURL+"/files?") {
		t.Fatalf("the address is %s", to)
	}
	for _, step := range []struct {
		who        *http.Client
		span, body string
		status     int
		have       string
	}{
		{stranger, "bytes 0-3/8", "abcd", 404, ""}, {h, "bytes 0-3/8", "abc", 400, ""}, {h, "bytes x-3/8", "abcd", 400, ""}, {h, "bytes 4-7/8", "efgh", 400, ""},
		{h, "bytes */8", "", 308, ""}, {
			h, "bytes 0-3/8", "abcd", 308, "bytes=0-3",
		}, {h, "bytes */*", "", 308, "bytes=0-3"}, {h, "bytes 2-5/*", "cdef", 308, "bytes=0-5"},
		{h, "bytes 6-7/8", "gh", 200, ""}, {h, "bytes 6-7/8", "gh", 404, ""},
	} {
		resp := send(step.who, http.MethodPut, to, step.span, step.body)
		if resp.StatusCode != step.status || resp.Header.Get("Range") != step.have {
			t.Errorf(
				"%s is answered %d %q, want %d %q",
				step.span,
				resp.StatusCode,
				resp.Header.Get("Range"),
				step.status,
				step.have,
			)
		}
	}
	if resp := send(h, http.MethodPost, d.UploadURL+"/files?uploadType=media", "", strings.Repeat("x", 8<<20+1)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too much is answered %d", resp.StatusCode)
	}
}

// RFC 6750 section 3: no error code without a token, invalid_token for a bad one, insufficient_scope for a narrow one.
func TestWhoTheAPIsAnswer(t *testing.T) {
	d := start(t, nil)
	c := plain(t, d)
	narrow, _ := d.Issue("ada", "openid")
	for name, row := range map[string]struct {
		headers   []string
		status    int
		challenge string
		reason    string
	}{
		"no token":         {nil, 401, `Bearer realm="https://accounts.google.com/"`, "authError"},
		"an unknown token": {[]string{"Bearer ya29.x"}, 401, `Bearer realm="https://accounts.google.com/", error="invalid_token"`, "authError"},
		"a refresh token":  {[]string{"Bearer " + narrow.Refresh}, 401, `Bearer realm="https://accounts.google.com/", error="invalid_token"`, "authError"},
		"another scheme":   {[]string{"Basic " + narrow.Access}, 401, `Bearer realm="https://accounts.google.com/", error="invalid_token"`, "authError"},
		"two tokens": {[]string{"Bearer " + narrow.Access, "Bearer " + narrow.Access}, 401,
			`Bearer realm="https://accounts.google.com/", error="invalid_token"`, "authError"},
		"a token of no scope ": {[]string{"Bearer " + narrow.Access}, 403, `error="insufficient_scope", scope="` + provider.ScopeCalendarReadonly + `"`,
			"insufficientPermissions"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.APIURL+"/users/me/calendarList", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header["Authorization"] = row.headers
			resp, body := c.do(r)
			got := resp.Header.Get("WWW-Authenticate")
			if resp.StatusCode != row.status || !strings.HasSuffix(got, row.challenge) ||
				!strings.Contains(body, `"reason":"`+row.reason+`"`) {
				t.Errorf("it answers %d %s %s", resp.StatusCode, got, body)
			}
		})
	}
	if resp, _ := c.call(strings.TrimSuffix(d.APIURL, "/calendar/v3")+"/elsewhere", narrow.Access); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path is answered %d", resp.StatusCode)
	}
	if got := d.Counts(); got.Rejected != 6 || got.Calls != 0 {
		t.Errorf("the counters say %+v", got)
	}
}

func TestTheStreamTellsOfANewEvent(t *testing.T) {
	d := start(t, nil)
	h, _ := bearer(t, d, "ada", provider.ScopeCalendarReadonly)
	resp, err := h.Get(d.APIURL + "/calendars/primary/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ends before %q: %v", want, lines.Err())
	}
	next("event: open")
	now := time.Now()
	if _, err := calendarOf(t, d, "ada", provider.ScopeCalendarEvents).Events.Insert("primary", &calendar.Event{Summary: "Sudden",
		Start: &calendar.EventDateTime{DateTime: now.Format(time.RFC3339)}, End: &calendar.EventDateTime{
			DateTime: now.Add(time.Hour).Format(time.RFC3339),
		}}).Do(); err != nil {
		t.Fatal(err)
	}
	next(`"summary":"Sudden"`)
	next("event: tick")
	d.EndStreams()
	for lines.Scan() { // ends, or this test does not
	}
	if _, err := calendarOf(t, d, "ada", provider.ScopeCalendarReadonly).CalendarList.List().Do(); err != nil {
		t.Errorf("other calls ended with the streams: %v", err)
	}
}

func TestTheWebSocketEchoes(t *testing.T) {
	d := start(t, nil)
	h, _ := bearer(t, d, "ada", provider.ScopeCalendarReadonly)
	address := strings.Replace(d.APIURL, "http:", "ws:", 1) + "/echo"
	c, _, err := websocket.Dial(
		t.Context(),
		address,
		&websocket.DialOptions{HTTPClient: h, CompressionMode: websocket.CompressionDisabled},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for _, n := range []int{0, 5, 125, 126, 30_000} {
		sent := strings.Repeat("é", n/2)
		if err := c.Write(t.Context(), websocket.MessageText, []byte(sent)); err != nil {
			t.Fatal(err)
		}
		if kind, b, err := c.Read(t.Context()); err != nil || kind != websocket.MessageText || string(b) != sent {
			t.Fatalf("%d bytes come back as %d, %v", len(sent), len(b), err)
		}
	}
	if err := c.Write(t.Context(), websocket.MessageBinary, make([]byte, 65<<10)); err == nil {
		if _, _, err = c.Read(t.Context()); err == nil {
			t.Error("a frame beyond the limit is echoed")
		}
	}
	c2, _, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPClient: h})
	if err != nil {
		t.Fatal(err)
	}
	if err := c2.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("closing: %v", err)
	}
	if resp, err := h.Get(d.APIURL + "/echo"); err != nil || resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade it answers %v, %v", resp, err)
	}
}
