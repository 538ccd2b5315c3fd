// Package clients points API clients that nobody here wrote at bff's mounts, with only a cookie, and an upstream that
// demands the right bearer token and answers with absolute URLs of its own: google.golang.org/api, npm's @googleapis
// packages, @octokit/rest and @microsoft/microsoft-graph-client. It has tests only.
package clients
