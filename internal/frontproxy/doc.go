// Package frontproxy puts real front proxies in front of bff and of an application, with the very files of deploy/,
// and looks at what reaches the application: nginx and Caddy, as Debian has them, and Traefik, of which it builds the
// parts that the file uses. It has tests only.
package frontproxy
