package simulate

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/oauth/providers"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/simulate/standin"
)

const (
	origin      = "https://app.simulated.example"
	lobbyIssuer = "https://people.simulated.example" // where people sign in when nobody can at the provider
	service     = "simulated-service"
	extraAPI    = "extra" // the API that wants a further scope
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
		st.operate()
	}
	return st, nil
}

// ownIssuer says whether each organisation has an issuer of its own at the provider, which no file can know.
func ownIssuer(p *providers.Config) bool {
	return p.Auth == "" && p.OwnIssuer()
}

// A trial is a provider, bff, and people with browsers.
type trial struct {
	ctx      context.Context
	clock    clock
	name     string // of the provider
	provider *standin.StandIn
	lobby    *standin.StandIn // or nil
	instance *app.Instance
	secret   string // of the service
	// redirectName is what the provider calls redirect_uri in its authorization request; "" for that.
	redirectName string
	down         atomic.Bool // nobody listens
	seen         seen
	err          error
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
		st.otherCredential(&cfg.Providers[0].Config)
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

// route leads a request to the stand-in that it is for.
func (t *trial) route(w http.ResponseWriter, r *http.Request) {
	if t.lobby != nil && "https://"+r.Host == lobbyIssuer {
		t.lobby.ServeHTTP(w, r)
		return
	}
	t.provider.ServeHTTP(w, r)
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

// signIn has the person sign in, and link the account where nobody signs in with it.
func (b *browser) signIn() string {
	if b.t.lobby == nil {
		return b.signInBy(standin.Choice{})
	}
	b.through("/bff/login/people", standin.SignIn, standin.Choice{})
	form := url.Values{"api_key": {standin.Key(b.person)}, "username": {b.person}, "password": {standin.Key(b.person)}}
	return b.request(http.MethodPost, "/bff/connect/"+b.t.name, form).outcome() + ", " + b.session()
}

// signInBy is a sign-in in which the person chooses.
func (b *browser) signInBy(choice standin.Choice) string {
	a := b.through("/bff/login/"+b.t.name, standin.SignIn, choice)
	return a.outcome() + ", " + b.session()
}

// link goes to the provider again, for more scopes or to repair the connection.
func (b *browser) link(query, kind string, choice standin.Choice) string {
	return b.through("/bff/connect/"+b.t.name+query, kind, choice).outcome()
}

// repair links the account anew, as `fix` of a problem leads to.
func (b *browser) repair() string {
	id := b.connection()["id"]
	if b.t.lobby != nil {
		form := url.Values{"api_key": {standin.Key(b.person)}, "username": {b.person}, "password": {standin.Key(b.person)},
			"connection": {fmt.Sprint(id)}}
		return b.request(http.MethodPost, "/bff/connect/"+b.t.name, form).outcome()
	}
	return b.link("?connection="+fmt.Sprint(id), standin.Repair, standin.Choice{})
}

// call makes one call of an API.
func (b *browser) call(api string) string {
	return b.request(http.MethodGet, "/api/"+api+"/thing", nil).outcome()
}

// again calls while the answer is 503 or 500: it is neither for long, once the provider is well.
func (b *browser) again() (got string) {
	b.t.until(func() bool {
		got = b.call("api")
		return !strings.HasPrefix(got, "50")
	})
	return got
}

// session says whether somebody is signed in, and what is wrong with the connection.
func (b *browser) session() string {
	a := b.request(http.MethodGet, "/bff/session", nil)
	if a.body["authenticated"] != true {
		return "signed out"
	}
	text := "signed in"
	connections, _ := a.body["connections"].([]any)
	for _, c := range connections {
		if c, ok := c.(map[string]any); ok && c["status"] != "active" {
			text += fmt.Sprintf(", %v (%v)", c["status"], c["reason"])
		}
	}
	return text
}

// connection is the first one of the provider.
func (b *browser) connection() map[string]any {
	connections, _ := b.request(http.MethodGet, "/bff/session", nil).body["connections"].([]any)
	for _, c := range connections {
		if c, ok := c.(map[string]any); ok && c["provider"] == b.t.name {
			return c
		}
	}
	return map[string]any{}
}

// account is whose connection it is, as bff has it.
func (b *browser) account() string {
	body := b.request(http.MethodGet, "/bff/session", nil).body
	user, _ := body["user"].(map[string]any)
	account, _ := b.connection()["account"].(map[string]any)
	var parts []string
	for _, v := range []any{account["subject"], account["name"], account["email"]} {
		parts = append(parts, cmp.Or(printed(v), "-"))
	}
	if b.t.lobby == nil {
		parts = append(parts, cmp.Or(printed(user["picture"]), "-"), "e-mail verified: "+cmp.Or(printed(user["email_verified"]), "-"))
	}
	return strings.Join(parts, ", ")
}

func printed(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// scopes are those that the connection was granted.
func (b *browser) scopes() string {
	list, _ := b.connection()["scopes"].([]any)
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprint(s))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// atOnce has n calls made at the same time and counts those that went well.
func (b *browser) atOnce(n int) int {
	var mu sync.Mutex
	var work sync.WaitGroup
	fine := 0
	for range n {
		work.Go(func() {
			if b.call("api") == "200" {
				mu.Lock()
				fine++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return fine
}

func livesFor(d time.Duration) string { return "it lives for " + d.Truncate(time.Minute).String() }

// exchange is how long the access token lives that a service is given for the browser's session; want is how long it
// should, when it was new.
func (b *browser) exchange(want time.Duration) string {
	u, _ := url.Parse(origin) // constant
	cookie := ""
	for _, c := range b.jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "bff") {
			cookie = c.Value
		}
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {cookie},
		"subject_token_type": {"urn:bff:session"}, "audience": {b.t.name}}
	r, err := http.NewRequestWithContext(b.t.ctx, http.MethodPost, "http://admin.simulated.example/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		return "-"
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(service, url.QueryEscape(b.t.secret))
	r.RemoteAddr = "127.0.0.1:40001"
	w := serve(b.t.instance.Admin(), r)
	var answer struct {
		ExpiresIn *float64 `json:"expires_in"`
	}
	if w.status != http.StatusOK || json.Unmarshal(w.body.Bytes(), &answer) != nil {
		return fmt.Sprint(w.status)
	}
	if answer.ExpiresIn == nil {
		return "its end is not known"
	}
	left := time.Duration(*answer.ExpiresIn) * time.Second
	if left <= want && left > want-2*time.Minute { // as much time as a trial on a busy machine may take
		return livesFor(want)
	}
	return livesFor(left)
}

// post has the provider send something to bff.
func (t *trial) post(path, contentType, body string) string {
	r, err := http.NewRequestWithContext(t.ctx, http.MethodPost, origin+path, strings.NewReader(body))
	if err != nil {
		return "-"
	}
	r.Header.Set("Content-Type", contentType)
	r.RemoteAddr, r.RequestURI = "127.0.0.1:40002", r.URL.RequestURI()
	return t.read(serve(t.instance.Browser(), r)).outcome()
}
