// Package bench measures what bff costs beside a bare reverse proxy with the same transport: `make bench`. The two are processes of their own, as are the
// upstream, the store and the client, and take turns in one run, so that a noisy machine is noisy for both. What is compared is the processor time and the
// allocations of the process for one call; the figures are ratios and medians, and no test asserts them.
package bench
