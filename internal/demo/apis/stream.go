package apis

import (
	"bff/internal/demo/provider"
	"bufio"
	"context"
	"crypto/sha1" // RFC 6455 asks for it; nothing rests on it
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
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

const (
	maxFrame  = 64 << 10
	opClose   = 8
	opPing    = 9
	opPong    = 10
	socketKey = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 section 1.3
)

// serveWebSocket echoes what it gets (RFC 6455), text and binary, fragments as they come.
func (c *calendar) serveWebSocket(w http.ResponseWriter, r *http.Request, _ *provider.Person) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" ||
		r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Upgrade", "websocket")
		apiError(w, http.StatusUpgradeRequired, "upgradeRequired", "This is a WebSocket.")
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		apiError(w, http.StatusInternalServerError, "backendError", "Backend Error")
		return
	}
	defer conn.Close()
	defer context.AfterFunc(c.streaming, func() { _ = conn.Close() })()
	sum := sha1.Sum([]byte(key + socketKey))
	fmt.Fprintf(
		rw,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]),
	)
	for rw.Flush() == nil {
		head, payload, err := readFrame(rw.Reader)
		if err != nil {
			return
		}
		switch head & 0x0f {
		case opPong:
			continue
		case opPing:
			head = 0x80 | opPong
		}
		if writeFrame(rw.Writer, head, payload) != nil || head&0x0f == opClose {
			_ = rw.Flush()
			return
		}
	}
}

// readFrame reads one masked frame of a client (RFC 6455 section 5.2).
func readFrame(r *bufio.Reader) (byte, []byte, error) {
	var h [2]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	if h[0]&0x70 != 0 || h[1]&0x80 == 0 {
		return 0, nil, errors.New("read frame: reserved bits, or no mask")
	}
	n := uint64(h[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(b[:])
	}
	if n > maxFrame {
		return 0, nil, errors.New("read frame: too large")
	}
	var mask [4]byte
	if _, err := io.ReadFull(r, mask[:]); err != nil {
		return 0, nil, err
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return h[0], payload, nil
}

// writeFrame writes one unmasked frame of a server.
func writeFrame(w *bufio.Writer, head byte, payload []byte) error {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	_, err := w.Write(append(b, payload...))
	return err
}
