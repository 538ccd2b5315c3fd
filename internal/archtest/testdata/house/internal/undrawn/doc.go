// Package undrawn is planted. breaks: a package nobody drew
package undrawn
