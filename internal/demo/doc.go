// Package demo plays the provider and what is behind it: an authorization server with Google's habits that misbehaves
// on request, a calendar API and a files API that answer a valid access token of the right scope and nobody else, and
// an application's own backend. `bff dev` runs it, tests break it.
//
// It owns the composition of its parts and the control that the demo app uses. It refuses to know anything of bff: it
// is what bff meets, so it imports none of it, keeps to the standards by itself, and is proven by clients that bff did
// not write.
//
//	provider   (a port)          the authorization server: people, consent, codes, tokens, revocation, keys, logout
//	apis       (another port)    /calendar/v3/…, /drive/v3/…, /upload/drive/v3/…
//	backend    (a third port)    /greeting: takes assertions
//	trouble                      modes of what goes wrong, the ports themselves
//	journal                      the log in plain words, the counters
//	shelf, answer                bounded values under random names; JSON bodies
//
// The provider and the APIs listen on two ports, so that the one can be down (really: connection refused) while the
// other answers. Further servers of the demo, such as a receiver of events, are packages of their own beside backend,
// on ports that Start opens.
//
// It listens on loopback only, and its issuer is http://localhost:PORT: a browser that reached bff as 127.0.0.1 is
// then on another site, and SameSite cookies behave as they will in production. All state is held by the process and
// bounded; all random values are crypto/rand's; its log never holds a token.
package demo
