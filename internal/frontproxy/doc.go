// Package frontproxy puts real front proxies in front of bff and of an application, with the very files of deploy/,
// and looks at what reaches the application: nginx and Caddy, as Debian has them. It has tests only.
package frontproxy
