package route

import (
	"maps"
	"net/http"
	"slices"

	"github.com/jub0bs/cors"
)

// cors lets the listed further origins of f call with credentials, and nobody else. Without any there is nothing to
// do.
func (f *Front) cors(next http.Handler) (http.Handler, error) {
	if len(f.origins) == 1 {
		return next, nil
	}
	origins := slices.DeleteFunc(slices.Sorted(maps.Keys(f.origins)), func(o string) bool {
		return o == f.Origin
	})
	m, err := cors.NewMiddleware(cors.Config{
		Origins: origins, Credentialed: true,
		Methods:        []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		RequestHeaders: []string{"*"},
		ResponseHeaders: []string{"BFF-Error", "BFF-Request-Id", "Retry-After", "Location", "Link", "ETag", "Content-Range",
			"Content-Disposition"},
		MaxAgeInSeconds: 600,
		// The configuration takes plain http on loopback alone.
		ExtraConfig: cors.ExtraConfig{DangerouslyTolerateInsecureOrigins: true},
	})
	if err != nil {
		return nil, err
	}
	return m.Wrap(next), nil
}
