// Package api speaks to browsers: routes, cookies of attempts, cross-site rules, the calls it lets through, events, and the admin listener. It knows
// no ciphertext and no token endpoint; a token passes through it as a [secret.Text] on its way to the proxy.
//
// # One table, one pipeline
//
// Every route of the browser's listener is a row of [routes]: method, path, who may ask, from where, and one function. A row without a policy
// does not compile into the table. All of them, and every mount, go through the same steps in the same order:
//
//	clean line ─► row or mount ─► cookies ─► session ─► who ─► from where ─► handler ─► problem
//	400           404, 405        400        503        401    403           …          one map from error to answer
//
// There is no exemption by user agent, header, path pattern or address.
//
// # What can go wrong
//
//   - The store is down: 503 store_unavailable, and no cookie is touched. Nothing here clears a session cookie but a logout: an answer to an old
//     cookie that arrives late must not take the new one away.
//   - A page of another site calls: the Strict cookie stays at home; where it does not (a sibling sub-domain), the cross-site rule refuses.
//   - The way back from a provider is cross-site and brings no Strict cookie: the attempt, found by state and opened by its own Lax cookie,
//     carries what is needed.
//   - A handler panics: 500 internal with a fixed text; the log has the type of what was thrown and the stack, never its value.
//
// Standards: RFC 10017 section 6.1, RFC 9457 (problems), RFC 9110, RFC 7396 (merge patch), RFC 7662, RFC 8693, OpenID Connect Back-Channel Logout 1.0,
// RFC 8935.
package api
