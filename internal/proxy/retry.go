package proxy

import (
	"crypto/rand"
	"io"
	"math/big"
	"net/http"
	"slices"
	"time"

	"bff/internal/httpfield"
)

const (
	retryFirst    = 200 * time.Millisecond
	retryAttempts = 2
	retryWait     = 5 * time.Second
)

// pause says how long to wait before the call is made again; ok is false when the answer is to be passed on. n counts
// the further attempts that were made.
func (r *Retry) pause(in *http.Request, res *http.Response, n int) (wait time.Duration, ok bool) {
	attempts, most := r.Attempts, r.Wait
	if attempts == 0 {
		attempts = retryAttempts
	}
	if most == 0 {
		most = retryWait
	}
	safe := in.Method == http.MethodGet || in.Method == http.MethodHead || in.Method == http.MethodOptions
	if n >= attempts || !safe || in.ContentLength != 0 || !slices.Contains(r.Statuses, res.StatusCode) {
		return 0, false
	}
	if asked := httpfield.RetryAfter(res.Header, time.Now(), most+time.Second); asked > 0 {
		return asked, asked <= most
	}
	wait = min(retryFirst<<n, most)
	return wait - jitter(wait/2), true
}

// jitter is a random part of d, so that calls that failed together do not come again together.
func jitter(d time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(max(1, int64(d))))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}

// retried repeats a call as long as its answers are among those that are not passed on. The client that leaves, and the
// session that ends, end it.
func (c carrier) retried(x *exchange, out *http.Request, res *http.Response) (*http.Response, error) {
	for n := 0; !x.socket && x.body.src == nil; n++ {
		wait, ok := c.m.cfg.Retry.pause(out, res, n)
		if !ok {
			break
		}
		x.owed(time.Time{}) // the upstream owes nothing while nothing is asked of it
		if res.ContentLength >= 0 && res.ContentLength <= 4<<10 {
			_, _ = io.CopyN(io.Discard, res.Body, res.ContentLength)
		}
		_ = res.Body.Close()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-x.Done():
			timer.Stop()
			return nil, x.why()
		case <-x.by.Done:
			timer.Stop()
			x.end(ErrEnded)
			return nil, ErrEnded
		}
		x.owed(time.Now())
		var err error
		if res, err = c.send(x, out.Clone(out.Context())); err != nil {
			return nil, err
		}
	}
	return res, nil
}
