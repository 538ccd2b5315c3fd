// Command docsite writes the documents of this repository as a static site.
//
//	*.md, docs/*.md, examples/*.md ─► HTML with a list of pages   links between documents become links between pages
//	files that they show or link   ─► copied
//
// The same documents give the same bytes. A link that leads nowhere, to a page, a file or a heading, is an error, and
// nothing is written to a folder that is not empty.
//
//	go run ./internal/docsite -out bin/site
package main
