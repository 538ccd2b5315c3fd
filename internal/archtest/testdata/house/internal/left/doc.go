// Package left is planted.
package left
