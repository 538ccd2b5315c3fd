package apis

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"bff/internal/demo/provider"
)

// serveStream sends Server-Sent Events: the clock once a second, and what is added to the calendar at the moment it is.
func (c *calendar) serveStream(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	ch := make(chan event, 16)
	c.mu.Lock()
	c.watchers[ch] = p.Name
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.watchers, ch)
		c.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	_, err := fmt.Fprint(w, "event: open\ndata: {}\n\n")
	for n := 1; err == nil; {
		if err = out.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.streaming.Done():
			return
		case at := <-tick.C:
			_, err = fmt.Fprintf(w, "id: %d\nevent: tick\ndata: {\"at\":%q}\n\n", n, at.UTC().Format(time.RFC3339))
			n++
		case e := <-ch:
			b, _ := json.Marshal(e)
			_, err = fmt.Fprintf(w, "event: event\ndata: %s\n\n", b)
		}
	}
}

// maxMessage is the largest message that is echoed.
const maxMessage = 64 << 10

// serveWebSocket echoes messages, text and binary (RFC 6455). The front in front of it has looked at the Origin.
func (c *calendar) serveWebSocket(w http.ResponseWriter, r *http.Request, _ *provider.Person) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		apiError(w, http.StatusUpgradeRequired, "upgradeRequired", "This is a WebSocket.")
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	for {
		kind, message, err := conn.Read(c.streaming)
		if err != nil || conn.Write(c.streaming, kind, message) != nil {
			return
		}
	}
}
