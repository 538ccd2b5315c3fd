// Package apis plays the APIs behind the provider: a calendar (events, a stream, a WebSocket) and a drive (files,
// uploads in three ways), in Google's shapes. They answer a good access token of the right scope and nobody else, and
// learn what a token allows from the provider. [APIs.SwitchAPI] makes them misbehave.
//
//	call ─► trouble ─► access token ─► one of the route's scopes ─► calendar or drive
//
// Specifications: RFC 6750, RFC 6455, HTML's server-sent events.
package apis
