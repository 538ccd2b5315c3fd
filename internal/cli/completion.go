package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Values are the names that an argument may have whose tag `complete` is the key.
type Values map[string]func() []string

// Completion is the command that prints the script of a shell.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that makes the shell ask `bff complete` at each press of the tab key, so that it always
// completes what the installed program has.
func (c *Completion) Run(sh *Shell) error {
	_, err := fmt.Fprint(sh.Stdout, map[string]string{"bash": bashCompletion, "zsh": zshCompletion,
		"fish": fishCompletion}[c.Shell])
	return err
}

const bashCompletion = `# bff completion bash > /etc/bash_completion.d/bff, or: source <(bff completion bash)
_bff() {
  local IFS=$'\n'
  COMPREPLY=($(bff complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _bff bff
`

const zshCompletion = `#compdef bff
# bff completion zsh > "${fpath[1]}/_bff", or: source <(bff completion zsh) after compinit
_bff() {
  local -a found
  found=(${(f)"$(bff complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( ${#found} )); then compadd -a found; else _files; fi
}
if [ "$funcstack[1]" = "_bff" ]; then _bff "$@"; else compdef _bff bff; fi
`

const fishCompletion = `# bff completion fish > ~/.config/fish/completions/bff.fish
complete -c bff -a '(bff complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`

// Complete is the command that those scripts call.
type Complete struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints what the last word can become, one a line; nothing where a file is due.
func (c *Complete) Run(sh *Shell, k *kong.Context, known Values) error {
	for _, found := range completions(k.Model.Node, c.Words, known) {
		fmt.Fprintln(sh.Stdout, found)
	}
	return nil
}

// completions are the commands, flags and names that begin with the last of words, at the command which those before
// it name. Values of flags are files or free text, and left to the shell.
func completions(at *kong.Node, words []string, known Values) (found []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		for _, child := range at.Children {
			if child.Name == word {
				at = child
				break
			}
		}
	}
	add := func(text string) {
		if strings.HasPrefix(text, last) {
			found = append(found, text)
		}
	}
	if len(words) > 1 && takesValue(at, words[len(words)-2]) {
		return nil
	}
	if strings.HasPrefix(last, "-") {
		for _, group := range at.AllFlags(true) {
			for _, flag := range group {
				add("--" + flag.Name)
			}
		}
		return found
	}
	for _, child := range at.Children {
		if !child.Hidden {
			add(child.Name)
		}
	}
	for _, value := range at.Positional {
		for _, text := range known.of(value) {
			add(text)
		}
	}
	return found
}

func takesValue(at *kong.Node, word string) bool {
	for _, flag := range at.Flags {
		if word == "--"+flag.Name {
			return !flag.IsBool()
		}
	}
	return false
}

func (v Values) of(value *kong.Positional) []string {
	if list := v[value.Tag.Get("complete")]; list != nil {
		return list()
	}
	if value.Enum != "" {
		return strings.Split(value.Enum, ",")
	}
	return nil
}
