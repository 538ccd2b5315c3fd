package config

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// leaves are digests of what a file says, by the path of each key, with what its secrets resolve to: enough to say
// which keys of two configurations differ, and nothing of their values. The items of a list count as one.
type leaves map[string]hash.Hash

func (l leaves) add(path, text string) {
	path, _, _ = strings.Cut(path, "[")
	if l[path] == nil {
		l[path] = sha256.New()
	}
	_, _ = l[path].Write([]byte(text + "\x00"))
}

// addNode adds a single value, or the mark of a list or mapping that is empty.
func (l leaves) addNode(path string, node ast.Node) {
	switch n := node.(type) {
	case *ast.LiteralNode:
		l.add(path, n.Value.Value)
	case *ast.SequenceNode:
		if len(n.Values) == 0 {
			l.add(path, "[]")
		}
	case *ast.MappingNode:
		if len(n.Values) == 0 {
			l.add(path, "{}")
		}
	case ast.ScalarNode:
		l.add(path, n.GetToken().Value)
	}
}

// Digests returns a digest of every key that the file has, by its path: "providers.google.client_secret". Who has them
// could try guesses of a secret, so they are kept as secrets are.
func (c *Config) Digests() map[string]string {
	all := make(map[string]string, len(c.digests))
	for path, sum := range c.digests {
		all[path] = base64.RawStdEncoding.EncodeToString(sum.Sum(nil)[:16])
	}
	return all
}

// Changed returns the paths of the keys that two results of [Config.Digests] do not have alike, in order.
func Changed(before, after map[string]string) (paths []string) {
	for path, sum := range after {
		if before[path] != sum {
			paths = append(paths, path)
		}
	}
	for path := range maps.Keys(before) {
		if _, ok := after[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
