package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
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

// resolve puts keys and arguments in the script's order. A name that is missing or unknown is a mistake of the caller:
// it panics, and every script is run by a test.
func (s *Store) resolve(c *Call) (script *redis.Script, keys []string, args []any) {
	known := s.scripts[c.Script]
	if known == nil {
		panic("store: there is no script " + c.Script)
	}
	keys, args = known.order(c)
	return known.script, keys, args
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

// The answers of scripts.
const (
	done     = 1
	gone     = 0
	conflict = -1
)

// Run runs a script that answers a number: what it is, where it is neither gone nor conflict, which are errors.
func (s *Store) Run(ctx context.Context, c Call) (int, error) {
	script, keys, args := s.resolve(&c)
	defer s.written(s.TagOf(keys[0]))
	n, err := script.Run(ctx, s.client, keys, args...).Int()
	return s.answer(ctx, n, err)
}

// RunDurably is Run for a write that waits, within a bound, for one replica, where there are any.
func (s *Store) RunDurably(ctx context.Context, c Call) (int, error) {
	n, err := s.evalDurably(ctx, c).Int()
	return s.answer(ctx, n, err)
}

// CountDurably is RunDurably for a script that answers how many: nothing is an answer like another.
func (s *Store) CountDurably(ctx context.Context, c Call) (int, error) {
	n, err := s.evalDurably(ctx, c).Int()
	return n, s.fault(ctx, err)
}

// IDsDurably is RunDurably for a script that answers ids of sessions, joined by commas, or a word of `erase`.
func (s *Store) IDsDurably(ctx context.Context, c Call) ([]string, error) {
	text, err := s.evalDurably(ctx, c).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, ErrUnavailable // no script of these answers nothing at all
	case err != nil || text == "":
		return nil, s.fault(ctx, err)
	}
	ids := strings.Split(text, ",")
	foreign := func(id string) bool { return !strings.HasPrefix(id, "s_") && id != "kept" && id != "erased" }
	if slices.ContainsFunc(ids, foreign) {
		return nil, ErrUnavailable // the answer is of something else
	}
	return ids, nil
}

// RunText runs a script that answers a string, or ErrNotFound.
func (s *Store) RunText(ctx context.Context, c Call) (string, error) {
	script, keys, args := s.resolve(&c)
	defer s.written(s.TagOf(keys[0]))
	text, err := script.Run(ctx, s.client, keys, args...).Text()
	return text, s.fault(ctx, err)
}

// RunList runs a script that answers strings.
func (s *Store) RunList(ctx context.Context, c Call) ([]string, error) {
	script, keys, args := s.resolve(&c)
	list, err := script.Run(ctx, s.client, keys, args...).StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return list, s.fault(ctx, err)
}

func (s *Store) answer(ctx context.Context, n int, err error) (int, error) {
	switch {
	case errors.Is(err, redis.Nil):
		return 0, ErrUnavailable // every script answers something
	case err != nil:
		return 0, s.fault(ctx, err)
	case n >= done:
		return n, nil
	case n == conflict:
		return 0, ErrConflict
	}
	return 0, ErrNotFound
}
