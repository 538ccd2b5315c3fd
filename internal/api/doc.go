// Package api speaks to browsers, and to the services of the operator. It plugs the tables of both
// listeners together and answers what is about one session: who is signed in, connections, sessions, preferences,
// proxied calls. It knows no ciphertext and no token endpoint; a token passes through it as a [secret.Text] on its
// way to the proxy.
//
//	api ─► admin, signin, live, frontend ─► route ─► problem ─► answer
//
// # What can go wrong
//
//   - The store is down: 503 store_unavailable, and no cookie is touched. Nothing here clears a session cookie but a
//     logout: an answer to an old cookie that arrives late must not take the new one away.
//   - A page of another site calls: the Strict cookie stays at home; where it does not (a sibling sub-domain), the
//     cross-site rule refuses.
//   - A session ends while a call waits for its token: the call does not begin.
//
// Standards: RFC 10017 section 6.1, RFC 9457 (problems), RFC 9110, RFC 7396 (merge patch), OpenID Connect
// Back-Channel Logout 1.0, RFC 8935.
package api
