package whois

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// An Introspector asks bff itself (RFC 7662), for what cannot wait until the assertion of an ended session expires.
type Introspector struct {
	URL            string // of the admin listener: http://127.0.0.1:9090/introspect
	Client, Secret string // of `clients` in bff.yaml
}

// Live reports whether the session behind the assertion of a request is alive in this moment.
func (i *Introspector) Live(r *http.Request) (bool, error) {
	form := url.Values{"token": {Bearer(r)}, "client_id": {i.Client}, "client_secret": {i.Secret}}
	var answer struct{ Active bool }
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.PostForm(i.URL, form)
	err = read(resp, err, &answer)
	return answer.Active, err
}

// Data is what bff keeps beside a user for this service, and for whoever shares its name. A patch is merged into it
// (RFC 7396); nil changes nothing. admin is the admin listener.
func (i *Introspector) Data(ctx context.Context, admin, user string, patch any) (kept map[string]any, err error) {
	method, body := http.MethodGet, []byte(nil)
	if patch != nil {
		method = http.MethodPatch
		if body, err = json.Marshal(patch); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, admin+"/users/"+url.PathEscape(user)+"/data", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(i.Client, i.Secret)
	r.Header.Set("Content-Type", "application/merge-patch+json")
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Do(r)
	err = read(resp, err, &kept)
	return kept, err
}

// Bearer is the token of a request.
func Bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

func get(address string, into any) error {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(address)
	return read(resp, err, into)
}

func read(resp *http.Response, err error, into any) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask bff: %s", resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into)
}
