package store

import (
	"embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The rules of the scripts (lua/*.lua) are:
//
//  1. All keys of a script carry one user's tag, so a script is atomic under Cluster too.
//  2. A write names the version it replaces. Finding its own version already there is success: go-redis may have run it
//     twice.
//  3. What writes below a session first looks whether the session lives. Its keys come as pairs (session, connections),
//     one pair for each key of the ring.
//  4. They answer done (1), gone (0) or conflict (-1), or say what else.
//  5. Who takes no writes has no say: gone and conflict are answered after a write that changes nothing, which a server
//     refuses that was the master a moment ago. It is not the first thing a script does, since Redis asks for memory
//     before a script's first write only.
//  6. They are bounded: nothing that they walk over has more than a few hundred entries.
//
// A script's first lines name its keys and arguments:
//
//	-- pairs                   where session and connections come as pairs, in front of the keys
//	-- keys: index
//	-- args: expected, value
//
// and these names are its local variables, beside pairs_n, the number of pairs. What stands above says what it does.
type Script struct {
	name       string
	paired     bool
	keys, args []string
	script     *redis.Script
}

//go:embed lua/*.lua
var sources embed.FS

// loadScripts reads all of lua, by name.
func loadScripts() (map[string]*Script, error) {
	files, err := sources.ReadDir("lua")
	if err != nil {
		return nil, err
	}
	prelude, err := sources.ReadFile("lua/prelude.lua")
	if err != nil {
		return nil, err
	}
	all := map[string]*Script{}
	for _, f := range files {
		source, err := sources.ReadFile("lua/" + f.Name())
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(f.Name(), ".lua")
		all[name] = parseScript(name, string(prelude), string(source))
	}
	return all, nil
}

func parseScript(name, prelude, source string) *Script {
	s := &Script{name: name}
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		switch rest, ok := strings.CutPrefix(line, "-- "); {
		case !ok && line != "--":
			s.script = redis.NewScript(prelude + s.names() + source)
			return s
		case rest == "pairs":
			s.paired = true
		case strings.HasPrefix(rest, "keys:"):
			s.keys = fields(rest)
		case strings.HasPrefix(rest, "args:"):
			s.args = fields(rest)
		}
	}
	return s
}

func fields(line string) []string {
	_, list, _ := strings.Cut(line, ":")
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// names declares the script's keys and arguments as local variables.
func (s *Script) names() string {
	var b strings.Builder
	first := 1
	if s.paired {
		b.WriteString("local pairs_n = tonumber(ARGV[1])\n")
		first = 2
	} else {
		b.WriteString("local pairs_n = 0\n")
	}
	for i, key := range s.keys {
		fmt.Fprintf(&b, "local %s = KEYS[2*pairs_n+%d]\n", key, i+1)
	}
	for i, arg := range s.args {
		fmt.Fprintf(&b, "local %s = ARGV[%d]\n", arg, i+first)
	}
	return b.String()
}

// Keys and Args are a script's, by the names in its first lines. All must be given.
type (
	Keys map[string]string
	Args map[string]any
)

// A Call is one run of a script.
type Call struct {
	Script string   // the name of its file
	Pairs  []string // session, connections, session, connections, …
	Keys   Keys
	Args   Args
}

func (s *Script) order(c *Call) (keys []string, args []any) {
	if len(c.Keys) != len(s.keys) || len(c.Args) != len(s.args) || s.paired != (c.Pairs != nil) {
		panic("store: script " + s.name + " is called with other names than it has")
	}
	keys = append(make([]string, 0, len(c.Pairs)+len(s.keys)), c.Pairs...)
	for _, name := range s.keys {
		key, ok := c.Keys[name]
		if !ok {
			panic("store: script " + s.name + " needs the key " + name)
		}
		keys = append(keys, key)
	}
	args = make([]any, 0, 1+len(s.args))
	if s.paired {
		args = append(args, len(c.Pairs)/2)
	}
	for _, name := range s.args {
		arg, ok := c.Args[name]
		if !ok {
			panic("store: script " + s.name + " needs the argument " + name)
		}
		args = append(args, arg)
	}
	return keys, args
}
