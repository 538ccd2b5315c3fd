// Package shelf keeps a bounded number of values under random names: authorization codes, flows, browsers and uploads
// of the demo. The oldest fall off first. All random values of the demo are made here, by crypto/rand.
package shelf
