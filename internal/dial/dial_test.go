package dial_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bff/internal/dial"
)

// An address that is not of the internet, in every form that leads there.
func TestInsideKnowsEveryFormOfAnInnerAddress(t *testing.T) {
	for _, inner := range []string{"127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
		"100.127.255.255", "0.0.0.0", "0.1.2.3", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
		"fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
		"64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1"} {
		if !dial.Inside(netip.MustParseAddr(inner)) {
			t.Errorf("%s counts as of the internet", inner)
		}
	}
	for _, outer := range []string{"8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"} {
		if dial.Inside(netip.MustParseAddr(outer)) {
			t.Errorf("%s counts as inner", outer)
		}
	}
}

// A name that resolves inside is refused when it is dialled, unless the operator wrote it.
func TestANameThatResolvesInsideIsRefusedWhenItIsDialled(t *testing.T) {
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	transport := &http.Transport{DialContext: dial.Context(net.Dialer{Timeout: 5 * time.Second})}
	t.Cleanup(transport.CloseIdleConnections)
	get := func(address string, outside bool) error {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if outside {
			r = r.WithContext(dial.Outside(r.Context(), r.URL.Hostname()))
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	for _, host := range []string{"localhost", "LOCALHOST", "localhost.", "127.0.0.1", "[::ffff:127.0.0.1]",
		"１27.0.0.1", "127。0。0。1", "ⓛocalhost", "LOCALHOſT"} { // the last ones are spelt in ASCII when they are dialled
		err := get("http://"+host+":"+port+"/", true)
		if host == "localhost." && err != nil && strings.Contains(err.Error(), "no such host") {
			continue // only some resolvers know it with its dot
		}
		if err == nil || !strings.Contains(err.Error(), "inner network") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if reached != 0 {
		t.Fatalf("%d requests arrived", reached)
	}
	if err := get(server.URL, false); err != nil || reached != 1 {
		t.Fatalf("an address of the operator's: %v", err)
	}
}

// Names of this machine in every spelling.
func TestLoopbackNames(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST": true, "localhost.": true, "app.localhost": true, "127.0.0.1": true,
		"127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true, "localhost.example.com": false, "notlocalhost": false, "10.0.0.1": false, "": false} {
		if got := dial.Loopback(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}
