package main

import "html/template"

// layout is the page around a document. It needs no script and nothing from elsewhere.
func layout() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · bff</title>
<style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 1fr); }
nav { padding: 1.5rem 1rem; border-right: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
nav ul { list-style: none; margin: 0; padding: 0; position: sticky; top: 1.5rem; }
nav a { display: block; padding: .2rem .5rem; border-radius: .3rem; color: inherit; text-decoration: none; }
nav a:hover, nav a[aria-current] { background: color-mix(in srgb, currentColor 10%, transparent); }
main { padding: 1rem 2rem 4rem; max-width: 60rem; }
pre { overflow-x: auto; padding: .8rem 1rem; background: color-mix(in srgb, currentColor 7%, transparent); border-radius: .4rem; }
code { font-size: .9em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
img { max-width: 100%; }
@media (max-width: 50rem) { body { grid-template-columns: minmax(0, 1fr); } nav { order: 2; border: 0; } main { padding: 1rem; } }
</style>
</head>
<body>
<nav aria-label="Pages"><ul>
{{range .List}}<li><a href="{{.To}}"{{if .Here}} aria-current="page"{{end}}>{{.Title}}</a></li>
{{end}}</ul></nav>
<main>
{{.Body}}</main>
</body>
</html>
`))
}
