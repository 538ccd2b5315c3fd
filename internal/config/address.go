package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"bff/internal/dial"
)

// readURL reads an absolute http or https URL without credentials or fragment. Plain http leaves this machine only
// where it may.
func readURL(v value, example string, httpAnywhere bool) (*url.URL, bool) {
	want := "write an absolute URL such as `" + example + "`"
	text, ok := v.hidden(want)
	if !ok {
		return nil, false
	}
	if !strings.ContainsAny(text, "@?#") {
		v.show()
	}
	if !v.spelledOut(text) {
		return nil, false
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		v.wrong("%s holds a user name or password; remove what stands before the @", v.name())
	case err == nil && u.Host != "" && u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
		v.wrong("%s begins with %s:, and bff speaks http and https; %s", v.name(), u.Scheme, want)
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Opaque != "", !validPort(u.Port()):
		if scheme := schemeFor(text); scheme != "" {
			want = "write `" + scheme + text + "`"
		}
		v.wrong("%s is not an absolute URL; %s", v.name(), want)
	case strings.Contains(text, "#"):
		v.wrong("%s has a fragment; remove it from the # on", v.name())
	case u.Scheme == "http" && !httpAnywhere && !dial.Loopback(u.Hostname()):
		v.wrong("%s is plain http, which is for loopback only; write `https://%s`", v.name(), u.Host+u.Path)
	default:
		return u, true
	}
	return nil, false
}

// schemeFor is what is probably missing in front of text, or "" when it does not look like a URL at all.
func schemeFor(text string) string {
	host, _, _ := strings.Cut(text, "/")
	name, port, found := strings.Cut(host, ":")
	switch {
	case !validHost(name) || found && (port == "" || !validPort(port)):
		return ""
	case dial.Loopback(name):
		return "http://"
	case strings.Contains(name, "."):
		return "https://"
	}
	return ""
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n < 65536
}

// validHost takes what DNS and a URL both take as a host: lower case, or an address.
func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" ||
			label[0] == '-' ||
			label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// readOrigin reads an origin exactly as a browser sends it (RFC 6454 section 6.2): anything else would never match.
func readOrigin(v value, example string) (*url.URL, bool) {
	u, ok := readURL(v, example, true)
	if !ok {
		return nil, false
	}
	if u.Scheme == "http" && !dial.Loopback(u.Hostname()) {
		v.wrong("%s is plain http, which is for loopback only; write `https://%s`", v.name(), strings.ToLower(u.Host))
		return nil, false
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	as := u.Scheme + "://" + host
	switch {
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery:
		v.wrong("%s has a path; an origin is scheme and host alone: write `%s`", v.name(), as)
	case !validHost(strings.ToLower(u.Hostname())):
		v.wrong("%s has a host that is no DNS name; write the name in its ASCII form (xn--…)", v.name())
	case host != u.Host:
		v.wrong("%s is not as browsers write it; write `%s`", v.name(), as)
	default:
		return u, true
	}
	return nil, false
}

// readListenAddress reads host:port, where the host may be missing and the port may be 0.
func readListenAddress(v value, example string) (string, bool) {
	want := "write `" + v.leaf() + ": \"" + example + "\"`"
	text, ok := v.text(want)
	if !ok {
		return "", false
	}
	if why := BadAddress(text); why != "" {
		if digits.MatchString(text) && validPort(text) {
			want = "write `" + v.leaf() + ": \":" + text + "\"`"
		}
		v.wrong("%s %s; %s", v.name(), why, want)
		return "", false
	}
	return text, true
}

// BadAddress says what is wrong with an address to listen on, or "".
func BadAddress(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	n, perr := strconv.Atoi(port)
	switch {
	case err != nil:
		return "is not host:port"
	case perr != nil || n < 0 || n > 65535:
		return "has no port from 0 to 65535"
	case host != "" && !validHost(strings.ToLower(host)):
		return "has a host that is none"
	}
	return ""
}

// Listeners replaces the addresses of the file by those of the flags --listen and --admin, where these are given, and
// returns the mistake that this makes, or "".
func Listeners(c *Config, browsers, admin string) (mistake string) {
	for _, o := range []struct {
		addr        *string
		flag, given string
	}{{&c.Listen, "--listen", browsers}, {&c.Admin, "--admin", admin}} {
		if o.given == "" {
			continue
		}
		if why := BadAddress(o.given); why != "" {
			return fmt.Sprintf("bff: %s %s; write `%s 127.0.0.1:8080`", o.flag, why, o.flag)
		}
		*o.addr = o.given
	}
	if OneListener(c.Listen, c.Admin) {
		return "bff: --listen and --admin are one address; browsers must not reach the second: give it another port"
	}
	return ""
}

// OneListener says whether two addresses cannot both be listened on.
func OneListener(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && portA != "0" && (hostA == hostB || everywhere(hostA) || everywhere(hostB))
}

func everywhere(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}

// readPrefixes reads a list of CIDRs.
func readPrefixes(v value) []netip.Prefix {
	var out []netip.Prefix
	v.list("write a list: `"+v.leaf()+": [10.0.0.0/8]`", func(_ int, in value) {
		text, ok := in.text("write a CIDR such as `10.0.0.0/8`")
		if !ok {
			return
		}
		p, err := netip.ParsePrefix(text)
		switch a, aerr := netip.ParseAddr(text); {
		case err != nil && aerr == nil:
			in.wrong("%s is an address; write `%s/%d`", in.name(), text, a.BitLen())
		case err != nil:
			in.wrong("%s is not a CIDR; write one such as `10.0.0.0/8` or `fd00::/8`", in.name())
		case p != p.Masked():
			in.wrong("%s has bits beyond its length; write `%s`", in.name(), p.Masked())
		default:
			out = append(out, p)
		}
	})
	return out
}
