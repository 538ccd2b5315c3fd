// Package address makes addresses of templates and values: "https://{shop}.myshopify.com/admin" of a shop's name.
//
// A value comes from a person, from a provider's answer or from a callback, so it is a stranger's. The rules are:
//
//  1. A value fills its place and nothing else. It never changes the scheme, the port or where the host ends, never
//     adds user information, a query or a fragment, and never leaves its segment of the path.
//  2. A host that a value is part of must match one of the [Hosts] of the provider, whose patterns end in a
//     registrable domain ([URL] sees to it, for every use). A host that the template has by itself is the operator's
//     word.
//  3. A template may begin with a value that is an absolute URL, "{api_base}/v1". Then all of its host is a value's.
//  4. What was made is read again by net/url and must say the same: two readers agree on where the request goes.
//
// It makes no request and resolves no name: that a name leads to an inner network is seen when it is dialled.
package address
