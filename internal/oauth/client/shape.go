package client

import (
	"bff/internal/oauth/providers"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
)

// shape turns x/oauth2's token request into what the provider wants: parameters, names, body, headers, client
// authentication.
func (a *Answer) shape(r *http.Request) (*http.Request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxDocument))
	_ = r.Body.Close()
	if err != nil {
		return nil, errNoBody
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the token request is no form")
	}
	for k, v := range a.params {
		form.Set(k, v)
	}
	if a.m.style == providers.PrivateKeyJWT {
		if err := a.p.assert(a.m, form); err != nil {
			return nil, err
		}
	}
	if name := a.p.Client.IDParam; name != "" && form.Has("client_id") {
		form.Set(name, form.Get("client_id"))
		form.Del("client_id")
	}
	a.rename(form)
	trace := &httptrace.ClientTrace{WroteHeaders: func() { a.sent.Store(true) }}
	r = r.Clone(httptrace.WithClientTrace(r.Context(), trace))
	if a.address != "" {
		if r.URL, err = url.Parse(a.address); err != nil {
			return nil, errors.New("the address does not parse")
		}
		r.Host = ""
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range a.p.Token.Headers {
		r.Header.Set(k, v)
	}
	if a.method() == http.MethodGet {
		intoAddress(r, form)
	} else {
		encodeBody(r, form, a.p.Token.Body)
	}
	return r, nil
}

// encodeBody gives r a body that the transport never sends twice: a refresh token is spent once.
func encodeBody(r *http.Request, form url.Values, kind string) {
	b, contentType := []byte(form.Encode()), "application/x-www-form-urlencoded"
	if kind == "json" {
		fields := make(map[string]string, len(form))
		for k := range form {
			fields[k] = form.Get(k)
		}
		out, err := json.Marshal(fields)
		if err != nil {
			panic("client: strings did not encode")
		}
		b, contentType = out, "application/json"
	}
	r.Header.Set("Content-Type", contentType)
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(b)), int64(len(b)), nil
}
