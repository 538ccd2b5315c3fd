// Package trace carries what names one request through the layers: its id, and the trace context of a trusted front
// proxy.
//
// A log line written with a context of the request, through a logger whose handler is [Handler], has the id as the
// attribute "request". Whatever leaves on behalf of the request (a call, a token request, the hook) has the id in the
// field X-Request-Id; it is random and of one request, so it tells an upstream nothing of the person. The trace
// context (W3C Trace Context) of a trusted proxy is passed on to upstreams as it came; nothing here makes one. What any
// tracer reads of anybody else's is forgotten.
package trace
