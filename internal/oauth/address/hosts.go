package address

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"bff/internal/dial"
)

// Hosts are where values may lead: host[:port], each in lower case. "*." stands for any labels in front of a
// registrable domain. Without a port the scheme's own is meant. [CheckPattern] says whether one is such a pattern.
type Hosts []string

// Match reports whether one of the patterns takes a host and port. port is "" for the scheme's own. own is true where
// the operator wrote that very host, or it is this machine by its name: it may be on an inner network then.
func (h Hosts) Match(host, port string) (own, ok bool) {
	for _, pattern := range h {
		name, wantPort := cut(pattern)
		if wantPort != port {
			continue
		}
		if below, wild := strings.CutPrefix(name, "*."); wild {
			if strings.HasSuffix(host, "."+below) && plainHost(host) {
				ok = true
				own = own || dial.Loopback(host)
			}
			continue
		}
		if name == host {
			return true, true
		}
	}
	return own, ok
}

// cut splits host[:port].
func cut(pattern string) (host, port string) {
	if h, p, err := net.SplitHostPort(pattern); err == nil {
		return h, p
	}
	return strings.Trim(pattern, "[]"), ""
}

// CheckPattern says what is wrong with a pattern of [Hosts], and what to write instead.
func CheckPattern(pattern string) error {
	host, port := cut(pattern)
	n, err := strconv.Atoi(port)
	name, wild := strings.CutPrefix(host, "*.")
	switch {
	case strings.ContainsAny(pattern, "/@?#\\ %{}"):
		return errors.New("is no host: write a host alone, as in `*.myshopify.com` or `accounts.zoho.eu`")
	case port == "" && strings.HasSuffix(pattern, ":"), port != "" && (err != nil || n < 1 || n > 65535):
		return errors.New("has a port that is none: write a number from 1 to 65535, or no port")
	case strings.ToLower(host) != host:
		return errors.New("has capitals: write `" + strings.ToLower(pattern) + "`")
	case strings.Contains(name, "*"):
		return errors.New("has a `*` that is not in front: write it as `*.example.com`, or write the host out")
	case dial.Loopback(name) && port == "":
		return errors.New("is this machine, whose services differ by the port alone: write it too, as in `" +
			pattern + ":9000`")
	case addressLike(name):
		if ip, err := netip.ParseAddr(name); err != nil || wild || ip.Zone() != "" || ip.String() != name {
			return errors.New("is an address in a form of its own: write it as `10.0.0.5` or `[fd00::5]`, without `*.`")
		}
		return nil
	case !plainHost(name):
		return errors.New("is no host name: write its ASCII form, as in `api.example.com` or `xn--bcher-kva.example`")
	case wild && !dial.Loopback(name) && !registrable(name):
		return errors.New("is too wide: what stands after `*.` belongs to many; write a domain that somebody registered, " +
			"as in `*.example." + name + "`")
	}
	return nil
}

// registrable reports whether a domain is one that somebody registered, or is below such a one. The suffixes of
// companies that give out names below their own domain, as myshopify.com, are domains here.
func registrable(domain string) bool {
	suffix, icann := publicsuffix.PublicSuffix(domain)
	for !icann && strings.Contains(suffix, ".") {
		_, suffix, _ = strings.Cut(suffix, ".")
		suffix, icann = publicsuffix.PublicSuffix(suffix)
	}
	return len(domain) > len(suffix) && strings.HasSuffix(domain, "."+suffix)
}

// plainHost reports whether a host is a name as DNS and every reader of URLs take it: lower case, ASCII, no dot at
// its end, and no number as its last label, which some take for an IPv4 address.
func plainHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return !addressLike(host)
}

func isLabel(label string) bool {
	return label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
		strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// addressLike reports whether some reader takes a host for an address: an IPv6 address, or a last label that begins
// as a number does (the URL Standard, "ends in a number checker").
func addressLike(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return strings.Contains(host, ":") || err == nil || last != "" && strings.Trim(last, "0123456789") == ""
}
