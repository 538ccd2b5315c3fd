package simulate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/config"
	"bff/internal/simulate"
)

// play plays a file of testdata, with one text of it replaced, against recorded answers, with one text replaced there.
func play(t *testing.T, name string, inFile, inAnswers [2]string) (string, error) {
	t.Helper()
	replaced := func(file string, with [2]string) []byte {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), with[0]) {
			t.Fatalf("%s does not have %q", file, with[0])
		}
		return []byte(strings.ReplaceAll(string(data), with[0], with[1]))
	}
	path := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(path, replaced("testdata/"+name+".yaml", inFile), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _, report := config.ReadProvider(path, func(string) string { return "" }, "")
	if report != "" {
		t.Fatal(report)
	}
	answers, err := simulate.ParseAnswers(replaced("testdata/"+name+".answers.yaml", inAnswers))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = simulate.Run(t.Context(), p, simulate.Options{File: name, Answers: answers, Facts: true, Trust: true}, &out)
	return out.String(), err
}

// A file that says what the recorded answers show passes; the output says what was recorded and what was not.
func TestRecordedAnswersArePlayed(t *testing.T) {
	t.Parallel()
	out, err := play(t, "acme", [2]string{}, [2]string{})
	for _, want := range []string{"Played from recorded answers: the authorization request, the callback, the token answer",
		"Made up from the file: the revocation.", "303, signed in; 42, Ada Example, ada@example.com", "it lives for 2h0m0s"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What a file claims and no recorded answer shows fails a scenario, which passes without the answers.
func TestAFileThatDiffersFromRecordedAnswersFails(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"subject":           {"subject: user.id", "subject: user.uuid"},
		"another subject":   {"subject: user.id", "subject: user.mail"},
		"name":              {"user.full_name", "user.display_name"},
		"address":           {"email: user.mail", "email: mail"},
		"scope separator":   {`scope_separator: ","`, `scope_separator: " "`},
		"nested tokens":     {"token_path: data", "token_path: result"},
		"error code":        {"{token_revoked: revoked}", "{token_expired: revoked}"},
		"error field":       {"errors.0.code", "error.code"},
		"authorization URL": {"acme.example/oauth/authorize", "acme.example/authorize"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := play(t, "acme", change, [2]string{}); err == nil || !strings.Contains(out, "FAILED") {
				t.Errorf("it passes:\n%s", out)
			}
		})
	}
}

// Where nobody wrote whose answers they are, a path of the file that yields nothing is noticed all the same.
func TestAPathThatYieldsNothingIsNoticedWithoutAnAccount(t *testing.T) {
	t.Parallel()
	none := [2]string{`account: {subject: "42", name: Ada Example, email: ada@example.com}`, ""}
	if out, err := play(t, "acme", [2]string{}, none); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := play(t, "acme", [2]string{"user.full_name", "user.title"}, none)
	if err == nil || !strings.Contains(out, "nothing is at user.title") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A file of answers with a mistake is refused, with what to write.
func TestAnswersWithMistakesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"tokn: {body: {}}":                "tokn",
		"token: {status: 200}":            "`token` has no `body`",
		"userinfo: {status: 200}":         "`userinfo` has no `body`",
		"refresh: {}":                     "`refresh` has no `body`",
		"callback: 'code=%zz'":            "`callback` is no query",
		"authorization: 'https://a b%/x'": "`authorization` is no address",
		"- a list":                        "",
		"token: [":                        "",
	} {
		_, err := simulate.ParseAnswers([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
