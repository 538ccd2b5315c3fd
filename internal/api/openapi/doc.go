// Package openapi holds the description of bff's routes (OpenAPI 3.1): openapi.yaml, which the admin listener serves
// as JSON, and docs/routes.md, which is made of it. A test holds both to the route tables.
package openapi
