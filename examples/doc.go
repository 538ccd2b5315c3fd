// Package examples holds apps that are built on bff. They are documentation that runs: their tests serve each one
// with the real bff, a certified provider and a browser.
package examples
