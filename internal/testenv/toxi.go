package testenv

import (
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Wire is a TCP connection to an upstream that a test can cut, slow down or starve.
type Wire struct {
	Addr string // what to dial instead of the upstream

	tb testing.TB
	p  *toxiproxy.Proxy
	n  int
}

// Toxi puts a wire in front of host:port.
func Toxi(tb testing.TB, upstream string) *Wire {
	tb.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &Wire{tb: tb, Addr: hostPort(FreePort(tb))}
	w.p = toxiproxy.NewProxy(server, tb.Name(), w.Addr, upstream)
	w.Restore()
	tb.Cleanup(w.p.Stop)
	return w
}

// Cut closes every connection and refuses new ones.
func (w *Wire) Cut() { w.p.Stop() }

// Restore ends Cut.
func (w *Wire) Restore() {
	w.tb.Helper()
	if err := w.p.Start(); err != nil {
		w.tb.Fatal(err)
	}
}

// Slow delays every answer by ms, give or take jitter.
func (w *Wire) Slow(ms, jitter int) *Toxic {
	return w.add("latency", "downstream", fmt.Sprintf(`{"latency": %d, "jitter": %d}`, ms, jitter))
}

// Starve lets requests through and no answer back: connections stay open and say nothing.
func (w *Wire) Starve() *Toxic { return w.add("timeout", "downstream", `{"timeout": 0}`) }

// Swallow lets nothing through to the upstream, and connections stay open.
func (w *Wire) Swallow() *Toxic { return w.add("timeout", "upstream", `{"timeout": 0}`) }

// BreakAfter closes a connection once n bytes of answers came through: in the middle of one.
func (w *Wire) BreakAfter(n int) *Toxic {
	return w.add("limit_data", "downstream", fmt.Sprintf(`{"bytes": %d}`, n))
}

// Toxic is one thing that is wrong with a wire, until End.
type Toxic struct {
	w    *Wire
	name string
}

func (w *Wire) add(kind, stream, attributes string) *Toxic {
	w.tb.Helper()
	w.n++
	name := fmt.Sprintf("%s-%d", kind, w.n)
	_, err := w.p.Toxics.AddToxicJson(
		strings.NewReader(
			fmt.Sprintf(`{"name": %q, "type": %q, "stream": %q, "attributes": %s}`, name, kind, stream, attributes),
		),
	)
	if err != nil {
		w.tb.Fatal(err)
	}
	return &Toxic{w, name}
}

// End takes it away.
func (t *Toxic) End() {
	t.w.tb.Helper()
	if err := t.w.p.Toxics.RemoveToxic(t.w.tb.Context(), t.name); err != nil {
		t.w.tb.Fatal(err)
	}
}
