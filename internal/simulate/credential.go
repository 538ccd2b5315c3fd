package simulate

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/simulate/standin"
)

// githubTokens and googleTokens are where tokens are given where a file does not say.
const (
	githubTokens = "https://api.github.com/app/installations/" + standin.Installation + "/access_tokens"
	googleTokens = "https://oauth2.googleapis.com/token"
)

// operate makes the provider one at which the application has the stand-in's credential, which the key signs for.
func (p *played) operate(key *rsa.PrivateKey) {
	endow(&p.file, key)
	p.given.Operator = p.file.Operator
	switch u := &p.file.Token.URL; p.file.Auth {
	case providers.AuthGitHubApp:
		*u = strings.ReplaceAll(cmp.Or(*u, githubTokens), "{installation}", standin.Installation)
	case providers.AuthServiceAccount:
		*u = cmp.Or(*u, googleTokens)
	}
}

// endow gives a provider the operator's credential that the stand-in knows.
func endow(p *providers.Config, key *rsa.PrivateKey) {
	o, ours := &p.Operator, standin.Key(standin.Application)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("simulate: an RSA key that cannot be written")
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	switch p.Auth {
	case providers.AuthAPIKey:
		o.APIKey = secret.New(ours)
	case providers.AuthBasic:
		o.Username, o.Password = standin.Application, secret.New(ours)
	case providers.AuthGitHubApp:
		p.Client.Key, o.Installation = secret.New(private), standin.Installation
	case providers.AuthServiceAccount:
		file, _ := json.Marshal(map[string]string{"type": "service_account", "client_email": standin.ServiceAccount, // texts alone
			"private_key": private, "private_key_id": "key-1", "token_uri": googleTokens})
		o.ServiceAccount = secret.New(string(file))
	}
}

// otherCredential gives a provider a credential of the operator's that the stand-in does not know.
func otherCredential(p *providers.Config) {
	o := &p.Operator
	p.Client.Secret, o.APIKey, o.Password = secret.New("another"), secret.New("ak-another"), secret.New("another")
	switch p.Auth {
	case providers.AuthAPIKey:
		o.Password = secret.Text{}
	case providers.AuthGitHubApp, providers.AuthClientCredentials:
		p.Client.ID = "another"
	case providers.AuthServiceAccount:
		o.ServiceAccount = secret.New(strings.Replace(o.ServiceAccount.Reveal(), standin.ServiceAccount, "another@simulated.example", 1))
	}
}
