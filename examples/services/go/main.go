// Basket is a service behind bff. GET /whoami says who is asking; /basket is what bff keeps
// beside the user for this service; POST /orders is for staff, and asks bff whether the session still lives.
package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/basket/whois"
)

func main() {
	who := &whois.Verifier{Issuers: strings.Split(os.Getenv("BFF_ORIGIN"), ","), Audience: os.Getenv("AUDIENCE"), KeysURL: os.Getenv("BFF_JWKS")}
	live := &whois.Introspector{URL: os.Getenv("BFF_ADMIN") + "/introspect", Client: os.Getenv("CLIENT_ID"),
		Secret: os.Getenv("CLIENT_SECRET")}
	server := &http.Server{Addr: os.Getenv("LISTEN"), Handler: routes(who, live), ReadHeaderTimeout: 5 * time.Second,
		MaxHeaderBytes: 32 << 10}
	log.Fatal(server.ListenAndServe())
}

func routes(who *whois.Verifier, live *whois.Introspector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /whoami", signedIn(who, func(w http.ResponseWriter, _ *http.Request, c whois.Claims) {
		answer(w, http.StatusOK, map[string]any{"language": "go", "user": c.Subject, "name": c.Name, "rights": c.Rights})
	}))
	basket := func(w http.ResponseWriter, r *http.Request, c whois.Claims) {
		var patch any // nil: look
		if r.Method == http.MethodPost {
			patch = map[string]any{"basket": map[string]string{"go": "tea"}}
		}
		kept, err := live.Data(r.Context(), os.Getenv("BFF_ADMIN"), c.Subject, patch)
		if err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]any{"error": "try again"})
			return
		}
		answer(w, http.StatusOK, kept)
	}
	mux.HandleFunc("GET /basket", signedIn(who, basket))
	mux.HandleFunc("POST /basket", signedIn(who, basket))
	mux.HandleFunc("POST /orders", signedIn(who, func(w http.ResponseWriter, r *http.Request, c whois.Claims) {
		switch ok, err := live.Live(r); {
		case err != nil:
			answer(w, http.StatusServiceUnavailable, map[string]any{"error": "try again"})
		case !ok:
			answer(w, http.StatusUnauthorized, map[string]any{"error": "the session has ended"})
		case !slices.Contains(c.Rights, "staff"):
			answer(w, http.StatusForbidden, map[string]any{"error": "staff only"})
		default:
			answer(w, http.StatusCreated, map[string]any{"language": "go", "ordered_by": c.Subject})
		}
	}))
	return mux
}

// signedIn lets nobody through but who has a valid assertion for this service.
func signedIn(who *whois.Verifier, do func(http.ResponseWriter, *http.Request, whois.Claims)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch c, err := who.Verify(r); {
		case errors.Is(err, whois.ErrRefused):
			answer(w, http.StatusUnauthorized, map[string]any{"error": "not signed in"})
		case err != nil:
			answer(w, http.StatusServiceUnavailable, map[string]any{"error": "try again"})
		default:
			do(w, r, c)
		}
	}
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
