// Package bench measures what bff costs: `make bench`. Every party is a process of its own: bff, the plain proxy
// beside it, the upstream, the store, the clients.
//
//	BenchmarkTable         one call of each kind, beside a tuned httputil.ReverseProxy: processor time of that process
//	                       alone. They take turns, so that a noisy machine is noisy for both
//	BenchmarkBackend       a call to a backend, beside the same call to a provider's api, of one instance
//	BenchmarkGigabyte      1 GB each way: speed, and the most memory there ever was
//	BenchmarkIdle          10,000 event streams and 1,000 WebSockets that say nothing: memory of each
//	BenchmarkEvent         the time an event takes through bff beyond going straight
//	BenchmarkDistance      calls to a far upstream through bff, beside the same calls straight there
//	BenchmarkBurst         many calls at once of one session whose access token has expired
//	BenchmarkRefreshAhead  calls while tokens are refreshed ahead of their end, beside calls while they are not
//	BenchmarkSignIn        sign-ins: processor time, and how many a second
//	BenchmarkSessions      very many sessions: made, called, refreshed, over a restart and a failover, ended
//	BenchmarkRedisBytes    what a session takes in Redis
//
// The figures are ratios, medians and bytes, and no test asserts them. It needs Linux: processor time and memory are
// read from /proc.
package bench
