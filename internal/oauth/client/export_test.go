package client

import (
	"context"
	"net/http"
)

// Outside marks a request as one whose host the operator did not write.
func Outside(r *http.Request) *http.Request {
	return r.WithContext(outside(context.Background(), r.URL.Hostname()))
}
