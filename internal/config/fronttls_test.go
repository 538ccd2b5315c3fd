package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/config"
)

// A further front's certificate is a whole pair of files that are there, beside one of the first front.
func TestMistakesInTheCertificateOfAFront(t *testing.T) {
	dir := secondFiles(t)
	const front, first = "frontend: {dir: ./shop}", "tls: {cert: ./cert.pem, key: ./key.pem, redirect: \":80\"}\n"
	for name, row := range map[string]struct{ tls, first, want string }{
		"a whole pair":            {"{cert: ./cert.pem, key: ./key.pem}", first, ""},
		"without its key":         {"{cert: ./cert.pem}", first, "`fronts[0].tls` has one of `cert` and `key`; write both"},
		"without its certificate": {"{key: ./key.pem}", first, "`fronts[0].tls` has one of `cert` and `key`; write both"},
		"of neither":              {"{}", first, "`fronts[0].tls` has no certificate; write `cert:` and `key:` below it"},
		"that is nowhere":         {"{cert: ./none.pem, key: ./key.pem}", first, "`fronts[0].tls.cert`: the file does not exist"},
		"a key that is nowhere":   {"{cert: ./cert.pem, key: ./none.pem}", first, "`fronts[0].tls.key`: the file does not exist"},
		"of another key":          {"{cert: ./cert.pem, key: ./logo.svg}", first, "`fronts[0].tls`: `cert` and `key` are no pair"},
		"two keys":                {"{cert: ./key.pem, key: ./key.pem}", first, "`fronts[0].tls`: `cert` and `key` are no pair"},
		"by an authority":         {"{acme: {cache: ./x}}", first, "`fronts[0].tls.acme` is not a key"},
		"with a redirect":         {"{cert: ./cert.pem, key: ./key.pem, redirect: \":80\"}", first, "`fronts[0].tls.redirect` is not a key"},
		"and the first has none": {"{cert: ./cert.pem, key: ./key.pem}", "",
			"`fronts[0].tls` is beside the certificate of the first front"},
		"and an authority's": {"{cert: ./cert.pem, key: ./key.pem}", "tls: {acme: {cache: ./acme}}\n",
			"`fronts[0].tls` is beside the certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(secondEdition, front, front+"\n    tls: "+row.tls, 1)
			text = strings.Replace(text, first, row.first, 1)
			_, report := config.Read(filepath.Join(dir, "bff.yaml"), []byte(text), secondEnvironment)
			if row.want == "" && report != "" || !strings.Contains(report, row.want) {
				t.Errorf("the report is\n%s\nand does not say\n%s", report, row.want)
			}
			if line, _, _ := strings.Cut(report, "\n"); report != "" && !mistakeLine.MatchString(line) {
				t.Errorf("no position: %s", line)
			}
		})
	}
}
