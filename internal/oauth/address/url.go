package address

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"bff/internal/dial"
)

// An Address is an absolute URL that was made of a template.
type Address struct {
	URL  string
	Host string // in lower case, without the port
	// Outside says that a value chose the host, among those of a pattern: it may only be dialled on the internet.
	Outside bool
}

// The errors of [URL]. None holds a value.
var (
	ErrMissing = errors.New("a value that it is made of is missing")
	ErrValue   = errors.New("a value cannot stand where its place is")
	ErrHost    = errors.New("a value leads to a host that is none of the provider's `hosts`")
)

// URL makes an address of a template. The template must be one that [CheckTemplate] takes.
func URL(template string, values map[string]string, hosts Hosts) (Address, error) {
	parts := split(template)
	for _, p := range parts {
		if p.name != "" && values[p.name] == "" {
			return Address{}, ErrMissing
		}
	}
	scheme, host, rest, err := cutTemplate(parts)
	if err != nil {
		return Address{}, err
	}
	chosen := false // a value is part of the host
	var authority, base string
	if scheme == "" {
		b, err := baseValue(values[host[0].name])
		if err != nil {
			return Address{}, err
		}
		scheme, authority, base, chosen = b.Scheme, b.Host, strings.TrimRight(b.EscapedPath(), "/"), true
	} else {
		for _, p := range host {
			if p.name == "" {
				authority += p.text
				continue
			}
			value := strings.ToLower(values[p.name])
			if !hostValue(value) {
				return Address{}, ErrValue
			}
			authority, chosen = authority+value, true
		}
	}
	tail, err := fillTail(rest, values)
	if err != nil {
		return Address{}, err
	}
	return agreed(scheme, strings.ToLower(authority), base+tail, chosen, hosts)
}

// unbraced takes out the braces of names that are filled in elsewhere: they are no characters of a URL.
var unbraced = strings.NewReplacer("{", "", "}", "")

// agreed reads what was made as whoever requests it will.
func agreed(scheme, authority, rest string, chosen bool, hosts Hosts) (Address, error) {
	whole := scheme + "://" + authority + rest
	u, err := url.Parse(unbraced.Replace(whole))
	if err != nil || u.Scheme != scheme || u.User != nil || u.Host != authority || u.Fragment != "" || u.Opaque != "" ||
		u.String() != unbraced.Replace(whole) {
		return Address{}, ErrValue
	}
	out := Address{URL: whole, Host: u.Hostname()}
	if !chosen {
		return out, nil
	}
	port := u.Port()
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	own, ok := hosts.Match(u.Hostname(), port)
	if !ok {
		return Address{}, ErrHost
	}
	out.Outside = !own
	return out, nil
}

// baseValue reads a value that is an absolute URL: https, or http of this machine; a host, perhaps a port and a path.
func baseValue(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil, len(value) > maxValue, !plainText(value), u.Opaque != "", u.User != nil,
		strings.ContainsAny(value, "?#\\@%;{}"), u.Host == "", strings.HasSuffix(u.Host, ":"):
		return nil, ErrValue
	case u.Scheme != "https" && (u.Scheme != "http" || !dial.Loopback(u.Hostname())):
		return nil, ErrValue
	case u.Path != "" && !cleanPath(strings.TrimRight(u.Path, "/")):
		return nil, ErrValue
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// cleanPath reports whether a path has neither empty nor dot segments.
func cleanPath(path string) bool {
	if path == "" {
		return true
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return path[0] == '/'
}

// hostValue reports whether a value can be part of a host: labels, or a piece of one.
func hostValue(value string) bool {
	if value == "" || len(value) > 253 {
		return false
	}
	for label := range strings.SplitSeq(value, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// maxValue bounds a value, in bytes.
const maxValue = 1024

// plainText reports whether a value is visible ASCII.
func plainText(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' })
}

// fillTail fills path and query. A value of the path is one segment or a part of it; one of the query is encoded.
func fillTail(parts []part, values map[string]string) (string, error) {
	var out, raw strings.Builder // raw has values as they are, to see what segments they make
	query := false
	for _, p := range parts {
		if p.name == "" {
			query = query || strings.Contains(p.text, "?")
			out.WriteString(p.text)
			raw.WriteString(p.text)
			continue
		}
		value := values[p.name]
		if len(value) > maxValue || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", ErrValue
		}
		if query {
			out.WriteString(url.QueryEscape(value))
			continue
		}
		if !plainText(value) || strings.ContainsAny(value, "/\\?#%;") {
			return "", ErrValue
		}
		out.WriteString(url.PathEscape(value))
		raw.WriteString(value)
	}
	path, _, _ := strings.Cut(raw.String(), "?")
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return "", ErrValue
		}
	}
	return out.String(), nil
}

// cutTemplate takes a template of an address apart: scheme, the parts of its authority, the parts behind it.
// Without a scheme it begins with a value that is a URL, which is then the only part of host.
func cutTemplate(parts []part) (scheme string, host, rest []part, err error) {
	if len(parts) == 0 {
		return "", nil, nil, errors.New("is empty")
	}
	if parts[0].name != "" {
		if len(parts) > 1 && (parts[1].name != "" || parts[1].text[0] != '/' && parts[1].text[0] != '?') {
			return "", nil, nil, errors.New("has something other than a path behind the value that it begins with: " +
				"write `{" + parts[0].name + "}/…`")
		}
		return "", parts[:1], parts[1:], nil
	}
	scheme, text, found := strings.Cut(parts[0].text, "://")
	if !found || scheme != "https" && scheme != "http" {
		return "", nil, nil, errors.New("is not an absolute URL: write `https://` in front, or begin with a value that is a URL")
	}
	parts = append([]part{{text: text}}, parts[1:]...)
	for i, p := range parts {
		end := strings.IndexAny(p.text, "/?")
		if p.name != "" || end < 0 {
			continue
		}
		host = append(parts[:i:i], part{text: p.text[:end]})
		rest = append([]part{{text: p.text[end:]}}, parts[i+1:]...)
		return scheme, host, rest, nil
	}
	return scheme, parts, nil, nil
}

// CheckTemplate says what is wrong with the template of an address whatever its values are. hosts are needed where a
// value is part of the host.
func CheckTemplate(template string) error {
	_, host, _, err := cutTemplate(split(template))
	if err != nil {
		return err
	}
	sample, port := "", false
	for _, p := range host {
		if p.name != "" && port {
			return errors.New("has a value behind the colon of its host: a port is not chosen by a value")
		}
		if p.name != "" {
			sample += "a"
			continue
		}
		sample, port = sample+p.text, strings.Contains(p.text, ":")
	}
	switch {
	case strings.ContainsAny(template, "#\\"):
		return errors.New("has a fragment or a backslash: take it out")
	case strings.Contains(sample, "@"):
		return errors.New("holds credentials: take out what stands in front of the @")
	}
	if len(host) == 1 && host[0].name != "" {
		return nil
	}
	u, err := url.Parse("https://" + sample)
	if err != nil || sample == "" || u.Host != sample || u.Port() == "" && strings.HasSuffix(sample, ":") {
		return errors.New("has a host that is none: write `https://{name}.example.com`")
	}
	return nil
}

// HostNames lists the values that are part of the host of a template.
func HostNames(template string) (names []string) {
	_, host, _, err := cutTemplate(split(template))
	if err != nil {
		return nil
	}
	for _, p := range host {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}

// Match is the other way round: the values with which a template is that very URL. ok is false when there are none, or
// when they lead to another host than hosts allow.
func Match(template, made string, hosts Hosts) (values map[string]string, ok bool) {
	names := Names(template)
	if len(names) == 0 || len(made) > maxValue {
		return nil, false
	}
	var pattern strings.Builder
	for _, p := range split(template) {
		if pattern.WriteString(regexp.QuoteMeta(p.text)); p.name != "" {
			pattern.WriteString("(.+?)")
		}
	}
	re, err := regexp.Compile(`\A(?:` + pattern.String() + `)\z`)
	if err != nil {
		return nil, false
	}
	found := re.FindStringSubmatch(made)
	if found == nil {
		return nil, false
	}
	values = map[string]string{}
	n := 0
	for _, p := range split(template) {
		if p.name != "" {
			n++
			values[p.name] = found[n]
		}
	}
	again, err := URL(template, values, hosts)
	return values, err == nil && again.URL == made
}
