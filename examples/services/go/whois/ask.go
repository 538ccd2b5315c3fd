package whois

import (
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
