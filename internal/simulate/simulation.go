package simulate

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/oauth/providers"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/simulate/standin"
)

// A simulation is what all trials of one provider have in common.
type simulation struct {
	played    *played
	key       *rsa.PrivateKey
	clientKey *ecdsa.PrivateKey
	clientPEM secret.Text
	slots     slots
}

func newSimulation(p providers.Config, answers *standin.Answers) (*simulation, error) {
	p = settled(p)
	st := &simulation{played: &played{given: p, file: p, answers: answers}, slots: newSlots()}
	given, file := &st.played.given, &st.played.file
	if p.Name == "" {
		file.Name = "simulated"
	}
	if ownIssuer(&p) {
		file.Issuer = "https://" + file.Name + ".simulated.example"
	}
	if p.Client.Auth == providers.SignedSecret { // the developer's own
		file.Client.Issuer, file.Client.KeyID = cmp.Or(p.Client.Issuer, "team-1"), cmp.Or(p.Client.KeyID, "key-1")
		given.Client.Issuer, given.Client.KeyID = file.Client.Issuer, file.Client.KeyID
	}
	var err error
	if st.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if st.clientKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(st.clientKey)
	if err != nil {
		return nil, err
	}
	st.clientPEM = secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	if file.Operated() {
		st.played.operate(st.key)
	}
	return st, nil
}

// ownIssuer says whether each organisation has an issuer of its own at the provider, which no file can know.
func ownIssuer(p *providers.Config) bool {
	return p.Auth == "" && p.OwnIssuer()
}

// play runs one scenario with bff configured as file says, and says what happened.
func (st *simulation) play(ctx context.Context, file providers.Config, sc scenario) (happened string, refusals []string) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	t := &trial{ctx: ctx, name: st.played.file.Name, secret: "service " + rand.Text(),
		redirectName: st.played.file.Authorization.Names["redirect_uri"]}
	t.provider = standin.New(standin.Config{File: st.played.file, Answers: st.played.answers, Key: st.key, ClientKey: st.clientKey.Public(),
		Redirect: origin + "/bff/callback/" + st.played.file.Name, Life: lifetime, Now: t.clock.now})
	cfg := st.config(t, file)
	if sc.other {
		otherCredential(&cfg.Providers[0].Config)
	}
	network := standin.NewNetwork(http.HandlerFunc(t.route))
	defer func() { _ = network.Close() }()
	if sc.refused != nil {
		network.Refuse(func(host string) bool { return host != standin.APIHost && sc.refused(t) })
	}
	in, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler), Network: network, Now: t.clock.now})
	if err != nil {
		return "the configuration is refused", nil
	}
	t.instance = in
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- in.Run(running, app.Listeners{}) }()
	happened = sc.run(t)
	stop()
	if err := <-ended; err != nil {
		t.fail(err)
	}
	switch {
	case ctx.Err() != nil:
		happened = fmt.Sprintf("it was not done after %s", runTimeout)
	case t.err != nil:
		happened = t.err.Error()
	case t.seen.has(t.provider.Grants.Secrets()):
		happened += ", and a secret reached the browser"
	}
	return happened, t.provider.Journal.Refusals()
}

// config is a configuration around one provider, with the API behind it and a service.
func (st *simulation) config(t *trial, file providers.Config) *config.Config {
	file.Name = st.played.file.Name
	st.register(&file)
	c := config.Trial(file)
	c.Origin, _ = url.Parse(origin)
	c.Session.Cache, c.Session.Idle = false, 8*time.Hour
	c.Shutdown = 5 * time.Second
	c.Providers[0].NeedsAPI = true
	c.Clients = []config.Client{{Name: service, Secret: secret.New(t.secret), Exchange: []string{file.Name}}}
	if file.Auth != "" || st.played.file.Auth != "" {
		st.addLobby(t, c)
	}
	scopes := st.played.file.Scopes
	if a := st.played.answers; a != nil && a.Scopes != nil {
		scopes = a.Scopes
	}
	c.APIs = append(c.APIs, st.api("api", scopes))
	if st.played.file.Auth == "" {
		c.APIs = append(c.APIs, st.api(extraAPI, []string{standin.ExtraScope}))
	}
	for i, of := range st.played.implying() {
		c.APIs = append(c.APIs, st.api(fmt.Sprint("implied", i), st.played.file.ScopeImplies[of]))
	}
	return c
}

// register gives a provider the client that the stand-in knows.
func (st *simulation) register(p *providers.Config) {
	if p.Auth == "" || p.Auth == providers.AuthClientCredentials {
		st.registerClient(p)
	} else if p.Auth == providers.AuthGitHubApp {
		p.Client.ID = standin.ClientID
	}
}

func (st *simulation) registerClient(p *providers.Config) {
	p.Client.ID, p.Client.Secret = standin.ClientID, secret.New(standin.ClientSecret)
	switch p.Client.Auth {
	case providers.PrivateKeyJWT, providers.SignedSecret:
		p.Client.Key, p.Client.Secret = st.clientPEM, secret.Text{}
	case providers.NoClientAuth:
		p.Client.Secret = secret.Text{}
	}
}

// addLobby adds a provider at which people sign in, for a provider whose accounts are linked only.
func (st *simulation) addLobby(t *trial, c *config.Config) {
	lobby := providers.Config{Name: "people", Issuer: lobbyIssuer, Scopes: []string{"openid"}}
	t.lobby = standin.New(standin.Config{File: lobby, Key: st.key, Redirect: origin + "/bff/callback/people", Life: lifetime,
		Now: t.clock.now})
	st.register(&lobby)
	c.Providers = append(c.Providers, config.Provider{Config: lobby, SignIn: true})
}

func (st *simulation) api(name string, scopes []string) config.API {
	return config.API{Provider: st.played.file.Name, Scopes: scopes, Config: proxy.Config{Name: name, Path: "/api/" + name, Origin: origin,
		Upstream: "https://" + standin.APIHost + "/" + name, Allow: []string{"GET /thing"}, Timeout: 30 * time.Second}}
}
