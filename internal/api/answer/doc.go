// Package answer writes the bodies that bff makes itself: JSON, text, pages and redirects. It is the one place that
// does.
package answer
