package left

import (
	"crypto/aes" // breaks: ciphers outside the vault
	"errors"
	"io"
	"math/rand" // breaks: math/rand
	web "net/http"
	"net/http/httputil"
	"sync"

	"github.com/redis/go-redis/v9" // breaks: Redis outside the vault
	"golang.org/x/oauth2"          // breaks: a token endpoint outside oauth

	"bff/internal/right"
)

var (
	errKept = errors.New("kept")
	table   = map[string]int{"a": 1}
	once    = sync.OnceValue(func() int { return 1 })
	guard   sync.Mutex             // breaks: a package variable that changes
	cache   = make(map[string]int) // breaks: a package variable that changes
	count   = 0
	pages   = map[string]int{"a": 1}
)

func init() {} // breaks: func init()

func fetch() {
	_, _ = web.Get("http://127.0.0.1") // breaks: http.DefaultClient
	_, _ = web.DefaultClient.Get("a")  // breaks: http.DefaultClient
	count++                            // breaks: a package variable that changes
	pages["b"] = 2                     // breaks: a package variable that changes
	count := 1
	count++
	_ = aes.BlockSize + rand.Int() + once() + table["a"] + count
	_, _, _, _ = redis.Nil, oauth2.NoContext, right.X, errKept
	guard.Lock()
}

func read(r io.Reader) {
	_, _ = io.ReadAll(r) // breaks: io.ReadAll without a bound
	_, _ = io.ReadAll(io.LimitReader(r, 1))
	_, _ = io.ReadAll(r)                      // bounded by the caller
	_ = &httputil.ReverseProxy{Director: nil} // breaks: ReverseProxy.Director
	p := &httputil.ReverseProxy{}
	p.Director = nil  // breaks: ReverseProxy.Director
	_ = &web.Server{} // breaks: a server without bounds
	_ = &web.Server{ReadHeaderTimeout: 1, MaxHeaderBytes: 1}
	_ = cache // TODO later; breaks: TODO
}
