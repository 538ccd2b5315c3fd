package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A reload adds a front, gives it a frontend, and takes it away again: then its name is no front of this bff.
func TestReloadAddsAndRemovesFronts(t *testing.T) {
	r := start(t, firstFile)
	port := r.origin[strings.LastIndexByte(r.origin, ':'):]
	at := func(host string) (status int) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.origin+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host + port
		client := &http.Client{Timeout: time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		return map[bool]int{true: resp.StatusCode}[resp.Body.Close() == nil]
	}
	own := strings.TrimSuffix(strings.TrimPrefix(r.origin, "http://"), port)
	page := filepath.Join(r.dir, "shop")
	if err := os.Mkdir(page, 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("shop/index.html", "<title>The shop</title>")
	front := "fronts:\n  - {origin: 'http://shop.localhost" + port + "'}\n"
	for _, step := range []struct {
		says, fronts string
		shop, other  int
	}{
		{"one front answers at every host", "", 404, 404},
		{"a front without a frontend", front, 404, 421},
		{"a front with one", strings.Replace(front, "'}", "', frontend: {dir: shop}}", 1), 200, 421},
		{"a front that was removed, and another one", strings.Replace(front, "shop.", "desk.", 1), 421, 421},
		{"one front again", "", 404, 404},
	} {
		r.configure("keys: [file:key]", firstFile+step.fronts)
		r.in.Reload()
		shop, other, first := at("shop.localhost"), at("other.example"), at(own)
		if shop != step.shop || other != step.other || first != 404 {
			t.Errorf("%s: the shop %d, another host %d, the first %d", step.says, shop, other, first)
		}
	}
	if r.log.has("nothing was changed") {
		t.Error("a reload was refused")
	}
}
