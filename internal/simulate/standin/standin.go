package standin

import (
	"net/http"
	"time"
)

// A StandIn is a provider in a trial. Its parts are safe for concurrent use.
type StandIn struct {
	*played
	Journal  *Journal  // what was refused
	Grants   *Grants   // what was issued
	Troubles *Troubles // what goes wrong
	Signer   *Signer   // signs tokens
	People   *People   // who has an account
	Words    *Words    // refuses
	Page     *Page     // where a person consents

	addresses *addresses
	tokens    *tokens
	resources *resources
}

// New returns a stand-in.
func New(cfg Config) *StandIn {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &played{cfg: cfg}
	p.file = recordedAddress(cfg.Answers, &p.cfg.File)
	p.urls = addressesOf(p.file)
	shape := &shape{p}
	scopes := &scopes{p}
	s := &StandIn{
		played:   p,
		Journal:  &Journal{},
		Troubles: &Troubles{},
		People:   &People{p},
		Words:    &Words{p},
		Grants: &Grants{played: p, shape: shape, codes: map[string]*code{}, short: map[string]*grant{},
			consents: map[string]bool{}, issued: []string{ClientSecret}},
	}
	s.Signer = &Signer{played: p, people: s.People, grants: s.Grants, kid: "key-1"}
	s.addresses = &addresses{played: p, grants: s.Grants, people: s.People}
	s.Page = &Page{played: p, journal: s.Journal, grants: s.Grants, addresses: s.addresses, people: s.People,
		shape: shape, scopes: scopes}
	clients := &clients{played: p, scopes: scopes}
	s.tokens = &tokens{played: p, journal: s.Journal, grants: s.Grants, signer: s.Signer, people: s.People, words: s.Words,
		shape: shape, scopes: scopes, clients: clients}
	s.resources = &resources{played: p, journal: s.Journal, grants: s.Grants, people: s.People, clients: clients}
	return s
}

// Issuer is the provider's.
func (s *StandIn) Issuer() string { return s.file.Issuer }

// Has says whether there is such an endpoint.
func (s *StandIn) Has(e Endpoint) bool { return s.urls[e] != "" }

// Address is where an endpoint is.
func (s *StandIn) Address(e Endpoint) string { return s.urls[e] }

// ServeHTTP answers for the provider and for the API behind it. Serves says whether a request is for it.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	in := readRequest(r)
	e, known := s.addresses.endpoint(r, in)
	if own := s.file.Shapes.UserAgent; known && own != "" && e != API && r.UserAgent() != own {
		s.Journal.refuse(w, "the User-Agent is not "+own, http.StatusForbidden)
		return
	}
	if !known {
		s.Journal.refuse(w, "nothing is at "+r.Method+" "+r.Host+r.URL.Path, http.StatusNotFound)
		return
	}
	t := s.Troubles.next(e, s.Grants.owner(in))
	t.play(w, r, func(w http.ResponseWriter) { s.serve(w, r, e, in, t) })
}

func (s *StandIn) serve(w http.ResponseWriter, r *http.Request, e Endpoint, in request, t *Trouble) {
	switch e {
	case Token, Refresh:
		s.tokens.serve(w, e, in, t)
	case LongLived:
		s.tokens.serveLongLived(w, in, t)
	case Userinfo:
		s.resources.serveUserinfo(w, r, in)
	case Revocation:
		s.resources.revoke(w, r, in)
	case Discovery:
		writeJSON(w, http.StatusOK, s.resources.metadata())
	case Keys:
		s.Signer.serveKeys(w)
	case RISC:
		writeJSON(w, http.StatusOK, map[string]any{"issuer": s.file.Issuer, "jwks_uri": s.urls[Keys]})
	case API:
		s.resources.serveAPI(w, in)
	default:
		s.Journal.refuse(w, "a server asks for the "+string(e)+" page", http.StatusMethodNotAllowed)
	}
}
