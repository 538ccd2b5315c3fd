// Package oauth is planted.
package oauth

import "net/http"

type writer interface {
	http.ResponseWriter // breaks: an answer to a browser below the API
}
