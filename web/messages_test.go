package web_test

import (
	"io/fs"
	"regexp"
	"testing"

	"bff/web"
)

// RFC 10017 section 6.3.3.3 asks for both origins of a postMessage to be verified. Here no window gets one, and none
// is listened to: tabs speak over a BroadcastChannel, which has no other origin, and a popup says what it has to say
// through the server.
func TestNoWindowGetsAMessage(t *testing.T) {
	channel := regexp.MustCompile(`(?:const|let)\s+(\w+)\s*=\s*(?:new BroadcastChannel\(|bus\(\))`)
	posts := regexp.MustCompile(`([\w.?\]\)]+)\.postMessage\(`)
	windows := regexp.MustCompile(
		`\bopener\??\.\w|\bparent\.post|\.contentWindow|(?:window|self|globalThis)\.onmessage|` +
			`(?:^|[^.\w]|window\.|self\.|globalThis\.)addEventListener\(\s*["']message|MessageChannel|SharedWorker`,
	)
	scripts, posted := 0, 0
	for name, fsys := range map[string]fs.FS{"account": web.Account(), "demo": web.Demo(), "client": web.Client()} {
		walk(t, fsys, func(file string, b []byte) {
			scripts++
			channels := map[string]bool{}
			for _, m := range channel.FindAllStringSubmatch(string(b), -1) {
				channels[m[1]] = true
			}
			for _, m := range posts.FindAllStringSubmatch(string(b), -1) {
				if posted++; !channels[m[1]] {
					t.Errorf("%s/%s posts to %s, which is no BroadcastChannel of its own", name, file, m[1])
				}
			}
			if at := windows.FindString(string(b)); at != "" {
				t.Errorf("%s/%s speaks to another window: %q", name, file, at)
			}
		})
	}
	if scripts < 5 || posted == 0 {
		t.Errorf("%d files and %d messages were looked at", scripts, posted)
	}
}
