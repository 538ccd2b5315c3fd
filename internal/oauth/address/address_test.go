package address_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"bff/internal/oauth/address"
)

var hosts = address.Hosts{"*.myshopify.com", "accounts.zoho.eu", "127.0.0.1:9000", "*.localhost:9000",
	"api.example.com:8443"}

func TestAValueFillsItsPlace(t *testing.T) {
	for _, row := range []struct {
		template string
		values   map[string]string
		want     string
		outside  bool
	}{
		{"https://{shop}.myshopify.com/admin", map[string]string{"shop": "acme"}, "https://acme.myshopify.com/admin", true},
		{"https://{shop}.myshopify.com/admin", map[string]string{"shop": "ACME"}, "https://acme.myshopify.com/admin", true},
		{"https://{shop}.myshopify.com", map[string]string{"shop": "a.b"}, "https://a.b.myshopify.com", true},
		{"https://{host}/x", map[string]string{"host": "accounts.zoho.eu"}, "https://accounts.zoho.eu/x", false},
		{"https://api.example.com/{realm}/query", map[string]string{"realm": "123"}, "https://api.example.com/123/query",
			false},
		{"https://api.example.com/v1?r={realm}&x=1", map[string]string{"realm": "a&b=c#d"},
			"https://api.example.com/v1?r=a%26b%3Dc%23d&x=1", false},
		{"{base}/v1", map[string]string{"base": "https://acme.myshopify.com"}, "https://acme.myshopify.com/v1", true},
		{"{base}/v1", map[string]string{"base": "https://ACME.myshopify.com/data/"}, "https://acme.myshopify.com/data/v1",
			true},
		{"{base}/v1", map[string]string{"base": "https://acme.myshopify.com:443"}, "https://acme.myshopify.com:443/v1",
			true},
		{"{base}", map[string]string{"base": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000", false},
		{"http://{shop}.localhost:9000/v1", map[string]string{"shop": "acme"}, "http://acme.localhost:9000/v1", false},
		{"https://x.example.com/{client_id}/revoke", nil, "https://x.example.com/{client_id}/revoke", false},
	} {
		got, err := address.URL(row.template, row.values, hosts)
		if err != nil || got.URL != row.want || got.Outside != row.outside {
			t.Errorf("%s with %v: %+v, %v; want %s, outside %v", row.template, row.values, got, err, row.want, row.outside)
		}
	}
}

// What a stranger writes to have a request go elsewhere.
var hostile = []string{
	"", " ", ".", "..", "-", "a-", "-a", "acme.", ".acme", "a..b", "evil.com/", "evil.com#", "evil.com?", "evil.com\\",
	"evil.com:80", "evil.com:80#", "user@evil.com", "a:b@evil.com", "@", ":", "a@", "evil.com/@", "evil.com#@",
	"evil.com%23",
	"evil.com%2f", "%65vil", "a%00", "a\x00", "a\r\nHost: evil.com", "a\nb", "a\tb", "evil.com%0d%0a", "evil\u3002com",
	"evil\uff0ecom", "\uff45vil", "ev\u200bil", "münchen", "[::1]", "::1", "[fe80::1%25eth0]",
	"[::ffff:169.254.169.254]",
	"169.254.169.254:80/", "0x7f000001#", "a/../..", "../x", "a/b", "a\\b", "//evil.com", "https://evil.com",
	"javascript:alert(1)",
	"{shop}", "a}b", "a;b", "a,b", "a b", "*", "*.com", "a*", strings.Repeat("a", 64), strings.Repeat("a.",
		127) + "a", "evil.com\u2044",
}

func TestNoValueLeadsOutOfItsPlaceInAHost(t *testing.T) {
	for _, value := range hostile {
		for _, template := range []string{"https://{shop}.myshopify.com/admin", "https://x-{shop}.myshopify.com",
			"https://accounts.{shop}", "https://{shop}/admin", "{shop}/admin", "{shop}"} {
			got, err := address.URL(template, map[string]string{"shop": value}, hosts)
			if err == nil && !strings.HasSuffix(template, ".myshopify.com") {
				t.Errorf("%s with %q is %s", template, value, got.URL)
			}
			if err != nil {
				continue
			}
			u, err := url.Parse(got.URL)
			if err != nil || !strings.HasSuffix(u.Hostname(), ".myshopify.com") || u.User != nil || u.Port() != "" {
				t.Errorf("%s with %q is %s", template, value, got.URL)
			}
		}
	}
}

// Forms of an address that a resolver would take, and hosts that only look like one of the patterns.
func TestNoValueNamesAHostThatNoPatternTakes(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "0x7f000001",
		"10.0.0.1", "169.254.169.254",
		"localhost", "evil.localhost", "myshopify.com", "evilmyshopify.com", "myshopify.com.evil.com",
		"acme.myshopify.com.",
		"accounts.zoho.com", "evil-accounts.zoho.eu", "x.accounts.zoho.eu", "xn--accounts-zoho.eu",
		"api.example.com", "com", "eu",
		"1.myshopify.com.1", "metadata.google.internal"} {
		if got, err := address.URL("https://{h}/x", map[string]string{"h": host}, hosts); err == nil {
			t.Errorf("host %s is %s", host, got.URL)
		}
		if got, err := address.URL("{h}/x", map[string]string{"h": "https://" + host}, hosts); err == nil {
			t.Errorf("base %s is %s", host, got.URL)
		}
	}
}

func TestAValueThatIsAURLIsABaseAndNothingElse(t *testing.T) {
	for _, value := range []string{
		"http://acme.myshopify.com", "HTTPS://acme.myshopify.com:8443", "https://u:p@acme.myshopify.com",
		"https://u@acme.myshopify.com",
		"https://acme.myshopify.com@evil.com", "https://evil.com#.myshopify.com", "https://evil.com?.myshopify.com",
		"https://evil.com/.myshopify.com", "https://evil.com\\.myshopify.com", "https://acme.myshopify.com/a?b=c",
		"https://acme.myshopify.com/#a", "https://acme.myshopify.com/../x", "https://acme.myshopify.com/a/./b",
		"https://acme.myshopify.com//x", "https://acme.myshopify.com/%2e%2e", "https://acme.myshopify.com/a;b",
		"//acme.myshopify.com",
		"acme.myshopify.com", "/acme", "ftp://acme.myshopify.com", "https:acme.myshopify.com",
		"https:///acme.myshopify.com",
		"https://acme.myshopify.com:", "https://acme.myshopify.com:0", "https://acme.myshopify.com:80",
		"http://127.0.0.1:9001",
		"http://127.0.0.1", "https://acme.myshopify.com\r\n", " https://acme.myshopify.com",
		"https://acme\u3002myshopify.com",
		"https://acme%2emyshopify.com", "https://[::1]", "https://acme.myshopify.com/{x}",
		"https://*.myshopify.com", "data:,x",
		"https://acme.myshopify.com/" + strings.Repeat("a", 2000),
	} {
		for _, template := range []string{"{base}", "{base}/v1", "{base}?x=1"} {
			if got, err := address.URL(template, map[string]string{"base": value}, hosts); err == nil {
				t.Errorf("%s with %q is %s", template, value, got.URL)
			}
		}
	}
}

func TestAValueOfThePathIsOneSegment(t *testing.T) {
	for _, value := range []string{"", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "%2e%2e", "a;b", "a b", "a\r\n",
		"a\x00", "ä",
		"a\u2215b", "/", "//evil.com", "../../x"} {
		if got, err := address.URL("https://api.example.com/v1/{realm}/q", map[string]string{"realm": value},
			nil); err == nil {
			t.Errorf("%q is %s", value, got.URL)
		}
	}
	if got, err := address.URL("https://api.example.com/.{x}/q", map[string]string{"x": "."}, nil); err == nil {
		t.Errorf("two dots of a template and its value are %s", got.URL)
	}
}

func TestAMissingValueIsSaid(t *testing.T) {
	if _, err := address.URL("https://{shop}.myshopify.com", nil, hosts); !errors.Is(err, address.ErrMissing) {
		t.Errorf("without the value: %v", err)
	}
	if _, err := address.URL("https://{shop}.myshopify.com", map[string]string{"shop": "a"}, nil); !errors.Is(err,
		address.ErrHost) {
		t.Errorf("without hosts: %v", err)
	}
}

func TestPatternsOfHostsEndInADomainThatSomebodyRegistered(t *testing.T) {
	for _, good := range []string{"*.myshopify.com", "*.my.salesforce.com", "accounts.zoho.com.au", "*.example.co.uk",
		"localhost:9000",
		"127.0.0.1:9000", "*.localhost:9000", "[::1]:9000", "10.0.0.5:8443", "xn--bcher-kva.example",
		"*.corp.internal", "id.corp:8443"} {
		if err := address.CheckPattern(good); err != nil {
			t.Errorf("%s %v", good, err)
		}
	}
	for _, bad := range []string{"", "*", "*.", "*.com", "*.co.uk", "*.com.au", "*.uk", "*.internal", "**.example.com",
		"a.*.example.com",
		"*example.com", "https://example.com", "example.com/", "example.com/x", "user@example.com", "Example.com",
		"bücher.example",
		"example.com:", "example.com:0", "example.com:65536", "example.com:x", "example.com.", ".example.com",
		"localhost", "127.0.0.1",
		"*.localhost", "[::1]", "127.1", "0x7f000001", "2130706433", "*.10.0.0.1", "{shop}.myshopify.com",
		"a b.com", "example.com#",
		"*.*.example.com", "-a.example.com"} {
		if err := address.CheckPattern(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestTemplatesThatCouldLeadAnywhereAreRefused(t *testing.T) {
	for _, good := range []string{"https://{shop}.myshopify.com/x", "{base}", "{base}/x", "{base}?a=b",
		"https://{host}", "http://{s}.localhost:9000/x",
		"https://accounts.zoho.{dc}/oauth", "https://api.example.com/{x}"} {
		if err := address.CheckTemplate(good); err != nil {
			t.Errorf("%s %v", good, err)
		}
	}
	for _, bad := range []string{"", "{base}.evil.com", "{a}{b}", "{base}@x/", "ftp://{x}.example.com",
		"//{x}.example.com", "{scheme}://example.com",
		"https://{user}@example.com", "https://a:{p}@example.com", "https://example.com:{port}/",
		"https://{x}:{port}/", "https://{x}.example.com#a",
		"https://{x}\\.example.com", "https://", "https:///x", "https://{x}.exa mple.com", "{base}x"} {
		if err := address.CheckTemplate(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestOnlyNamesInBracesArePlaces(t *testing.T) {
	for template, want := range map[string]string{
		"{a}": "1", "{{a}}": "{1}", "{ a }": "{ a }", "{}": "{}", "{a": "{a", "a}": "a}",
		"{b}": "{b}", `{"a": 1}`: `{"a": 1}`,
		"{tid}": "{tid}", "{token}": "{token}", "x{a}y{a}": "x1y1", "{a-b}": "{a-b}", "{9}": "{9}",
	} {
		if got := address.Text(template, map[string]string{"a": "1", "tid": "no", "token": "no"}); got != want {
			t.Errorf("%s is %s, want %s", template, got, want)
		}
	}
}

func FuzzNoValueLeavesItsHosts(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, template := range []string{"https://{v}.myshopify.com/admin/{v}", "{v}/x", "https://{v}/x"} {
			got, err := address.URL(template, map[string]string{"v": value}, address.Hosts{"*.myshopify.com"})
			if err != nil {
				continue
			}
			u, err := url.Parse(got.URL)
			if err != nil || !strings.HasSuffix(u.Hostname(), ".myshopify.com") || u.User != nil || u.Scheme != "https" ||
				u.Port() != "" && u.Port() != "443" || u.Fragment != "" || u.Hostname() != got.Host {
				t.Errorf("%s with %q is %s", template, value, got.URL)
			}
		}
	})
}
