// Package jsonurl changes the values of a few fields of a JSON document while it streams, and nothing else: every
// other byte stays as it is. It is made for URLs: fields that name the next page of a list.
package jsonurl
