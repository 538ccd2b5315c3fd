// Package frontend serves the application's own pages: the files of a build, what is embedded in bff, or a dev server.
package frontend
