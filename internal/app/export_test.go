package app

import "bff/internal/audit"

// Works are the workers of an instance, with what each writes to the audit log.
func (in *Instance) Works() map[string][]audit.Kind {
	all := map[string][]audit.Kind{}
	for _, w := range append(works(in), in.now().works()...) {
		all[w.name] = w.writes
	}
	return all
}

// WarnOfCertificates does what is done once a day.
func (in *Instance) WarnOfCertificates() { in.certs.warn(in.now().cfg) }
