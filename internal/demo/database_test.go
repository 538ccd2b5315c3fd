package demo_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"bff/internal/demo"
)

// sent posts a message to the demo's backend, signed with a secret, and returns the status and the answer.
func sent(t *testing.T, d *demo.Demo, path, secret, id, body string) (int, map[string]any) {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signature, err := signer.Sign(id, now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", d.BackendURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, jsonNumber(now.Unix()))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	resp, err := (&http.Client{}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	m := map[string]any{}
	_ = json.NewDecoder(resp.Body).Decode(&m)
	return resp.StatusCode, m
}

func jsonNumber(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// The application's own database has a row per person, made when the hook asks, and takes each event once. Whoever
// cannot sign makes nothing.
func TestTheBackendRegistersWhoSignsIn(t *testing.T) {
	d := start(t, nil)
	const ada = `{"type":"sign_in","user":{"id":"u_1","name":"Ada Lovelace","email":"ada@example.com"}}`
	const forged = "whsec_Zm9yZ2VkIGZvcmdlZCBmb3JnZWQgZm9yZ2Vk"
	for _, path := range []string{"/hooks/sign-in", "/hooks/events"} {
		if status, _ := sent(t, d, path, forged, "m1", ada); status != http.StatusUnauthorized {
			t.Errorf("%s of somebody who cannot sign: %d", path, status)
		}
	}
	if len(d.Rows()) != 0 || len(d.Heard()) != 0 {
		t.Errorf("a row was made: %v %v", d.Rows(), d.Heard())
	}
	for range 2 {
		if status, m := sent(t, d, "/hooks/sign-in", d.HookSecret, "m2", ada); status != 200 || m["id"] != "1001" ||
			len(m["rights"].([]any)) != 2 {
			t.Errorf("%d %v", status, m)
		}
	}
	if status, m := sent(t, d, "/hooks/sign-in", d.HookSecret, "m3", strings.ReplaceAll(strings.ReplaceAll(ada, "u_1",
		"u_2"), "ada@", "grace@")); status != 200 || m["id"] != "1002" || len(m["rights"].([]any)) != 1 {
		t.Errorf("%d %v", status, m)
	}
	if rows := d.Rows(); len(rows) != 2 || rows[0].SignIns != 2 || rows[0].User != "u_1" || rows[1].SignIns != 1 {
		t.Errorf("%+v", rows)
	}
	event := func(kind string) string { return `{"type":"` + kind + `","data":{"user":{"id":"u_1"}}}` }
	for range 2 {
		if status, _ := sent(t, d, "/hooks/events", d.HookSecret, "e1", event("user.created")); status != 204 {
			t.Errorf("%d", status)
		}
	}
	if status, _ := sent(t, d, "/hooks/events", d.HookSecret, "e2", event("user.erased")); status != 204 {
		t.Errorf("%d", status)
	}
	heard := d.Heard()
	if len(heard) != 2 || heard[1].Type != "user.created" || heard[1].User != "Ada Lovelace" || heard[0].Type != "user.erased" {
		t.Errorf("%+v", heard)
	}
	if rows := d.Rows(); len(rows) != 1 || rows[0].User != "u_2" {
		t.Errorf("an erased user's row stays: %+v", rows)
	}
	for n := range 300 {
		who := strings.ReplaceAll(ada, "u_1", "u_x"+jsonNumber(int64(n)))
		sent(t, d, "/hooks/sign-in", d.HookSecret, "n"+jsonNumber(int64(n)), who)
	}
	if n := len(d.Rows()); n > 200 {
		t.Errorf("%d rows are kept", n)
	}
}
