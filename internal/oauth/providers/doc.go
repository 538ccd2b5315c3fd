// Package providers holds providers as data: the schema of a provider, and the built-in ones, a file each.
//
// What differs between providers is a field of [Config], never code. The yaml names of the fields are those of a
// provider file and of `providers.<name>` in bff.yaml. The package contacts nobody.
package providers
