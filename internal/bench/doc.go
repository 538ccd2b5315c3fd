// Package bench measures what bff costs: `make bench`. Every party is a process of its own: bff, the plain proxy
// beside it, the upstream, the store, the clients.
//
//	BenchmarkTable         one call of each kind, beside a tuned httputil.ReverseProxy: processor time of that process
//	                       alone. They take turns, so that a noisy machine is noisy for both
//	BenchmarkBackend       a call to a backend, beside the same call to a provider's api, of one instance
//	BenchmarkGigabyte      1 GB each way: speed, and the most memory there ever was
//	BenchmarkIdle          10,000 event streams and 1,000 WebSockets that say nothing: memory of each
//	BenchmarkEvent         the time an event takes through bff beyond going straight
//
// The figures are ratios, medians and bytes, and no test asserts them. It needs Linux: processor time and memory are
// read from /proc.
package bench
