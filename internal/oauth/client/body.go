package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
)

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
