package clients_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// An upstream plays Google's APIs, GitHub and Microsoft Graph as far as the clients look. Its absolute URLs are its
// own.
type upstream struct {
	base string // http://127.0.0.1:PORT

	mu      sync.Mutex
	uploads map[string]int // upload_id -> bytes so far
	whole   int            // bytes of the last resumable upload that finished
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch p := r.URL.Path; {
	case p == "/drive/v3/files" && r.Method == http.MethodGet:
		from, _ := strconv.Atoi(q.Get("pageToken"))
		page := map[string]any{"files": []any{map[string]any{"id": fmt.Sprint("f", from), "name": fmt.Sprint("file ", from)}}}
		if from < 2 {
			page["nextPageToken"] = fmt.Sprint(from + 1)
		}
		answer(w, page)
	case strings.HasPrefix(p, "/drive/v3/files/") && q.Get("alt") == "media":
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "the content of "+strings.TrimPrefix(p, "/drive/v3/files/"))
	case p == "/upload/drive/v3/files" && q.Get("uploadType") == "multipart":
		n, _ := io.Copy(io.Discard, r.Body)
		answer(w, map[string]any{"id": "new", "size": strconv.FormatInt(n, 10)})
	case p == "/upload/drive/v3/files" && q.Get("uploadType") == "resumable" && q.Get("upload_id") == "":
		w.Header().Set("Location", u.base+"/upload/drive/v3/files?uploadType=resumable&upload_id=u1")
		w.WriteHeader(http.StatusOK)
	case p == "/upload/drive/v3/files" && q.Get("upload_id") != "":
		u.chunk(w, r, q.Get("upload_id"))
	case strings.HasPrefix(p, "/calendar/v3/calendars/"):
		answer(
			w,
			map[string]any{
				"items": []any{map[string]any{"id": "e1", "summary": "one"}, map[string]any{"id": "e2", "summary": "two"}},
			},
		)
	case p == "/gmail/v1/users/me/messages":
		answer(w, map[string]any{"messages": []any{map[string]any{"id": "m1"}, map[string]any{"id": "m2"}}})
	case p == "/repos/o/r/issues":
		u.issues(w, q.Get("page"))
	case p == "/v1.0/me/messages":
		u.messages(w, q.Get("$skip"))
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v)
}

// chunk takes a piece of a resumable upload the way Google does: 308 with the range so far, or, for clients that ask
// for it, 200 with the 308 in a header.
func (u *upstream) chunk(w http.ResponseWriter, r *http.Request, id string) {
	n, _ := io.Copy(io.Discard, r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.uploads[id] += int(n)
	_, total, _ := strings.Cut(r.Header.Get("Content-Range"), "/")
	if total == "*" || total != strconv.Itoa(u.uploads[id]) {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", u.uploads[id]-1))
		if r.Header.Get("X-GUploader-No-308") == "yes" {
			w.Header().Set("X-Http-Status-Code-Override", "308")
			return
		}
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	u.whole = u.uploads[id]
	answer(w, map[string]any{"id": "big", "size": strconv.Itoa(u.whole)})
}

// issues are pages of two, with GitHub's Link header.
func (u *upstream) issues(w http.ResponseWriter, page string) {
	n := max(1, atoi(page))
	if n < 3 {
		issues := u.base + "/repos/o/r/issues?per_page=2"
		w.Header().Set("Link", fmt.Sprintf(`<%[1]s&page=%[2]d>; rel="next", <%[1]s&page=3>; rel="last"`, issues, n+1))
	}
	answer(w, []any{map[string]any{"number": 2*n - 1}, map[string]any{"number": 2 * n}})
}

// messages are pages with Graph's absolute nextLink.
func (u *upstream) messages(w http.ResponseWriter, skip string) {
	n := atoi(skip)
	page := map[string]any{
		"@odata.context": u.base + "/v1.0/$metadata",
		"value": []any{
			map[string]any{"subject": fmt.Sprint("mail ", n)},
			map[string]any{"subject": fmt.Sprint("mail ", n+1)},
		},
	}
	if n < 4 {
		page["@odata.nextLink"] = fmt.Sprintf("%s/v1.0/me/messages?$top=2&$skip=%d", u.base, n+2)
	}
	answer(w, page)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
