package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// healthTimeout bounds the question.
const healthTimeout = 3 * time.Second

// ErrAddress is that an address is not host:port.
var ErrAddress = errors.New("the address is not host:port")

// Health asks the admin listener of an instance at a path, /healthz or /readyz, and returns what it answers. An
// address of every interface is asked on the loopback one.
func Health(ctx context.Context, addr, path string) (fine bool, body []byte, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false, nil, ErrAddress
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return false, nil, ErrAddress
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return false, nil, errors.New("no instance answers on " + addr)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ = io.ReadAll(io.LimitReader(resp.Body, 200))
	return resp.StatusCode == http.StatusOK, body, nil
}
