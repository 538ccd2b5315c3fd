// Package problem is every answer that is not what was asked for (RFC 9457): its codes, the one map from error to
// answer, and the page that a person sees instead of a document. Its texts are constants; nothing of a request is in
// them.
package problem
