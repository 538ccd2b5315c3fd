// Package metrics counts what bff does, for Prometheus. Labels come from the configuration and from closed lists:
// nothing a request says can make a new series.
package metrics
