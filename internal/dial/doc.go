// Package dial makes connections, and refuses those that lead inside where a stranger named the host.
//
// A host that the operator wrote may be anywhere. One that a provider published, a person typed or an answer brought may
// only be of the internet: what its name resolves to is looked at when the connection is made, so a name that is changed
// between a check and its use is refused too. [Outside] marks the requests that this holds for.
package dial
