// Package undrawn is planted. breaks: a package without a layer
package undrawn
