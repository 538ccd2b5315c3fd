package archtest

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An Arrow leads from a file to another one of the same package that declares something it uses: a name, a method or a
// field.
type Arrow struct{ From, To string }

// An Inside is how the files of one package use each other.
type Inside struct {
	Package string
	Arrows  int
	// Back are the arrows that run up. The files are laid out one below the other so that few arrows do: a file stands
	// above those that it uses. What is left are the circles, in which no file can be read before the others.
	Back []Arrow
}

// Insides returns the inside of every package that ships, sorted by name. It asks the go tool for the types of what is
// imported, so the tree must build.
func Insides(root string, sources []Source) ([]Inside, error) {
	packages := map[string][]*Source{}
	for i, s := range sources {
		dir, name := path.Split(s.Path)
		if s.File == nil || s.Test {
			continue
		}
		if here, _ := build.Default.MatchFile(filepath.Join(root, dir), name); here { // else it is for another system
			packages[path.Dir(s.Path)] = append(packages[path.Dir(s.Path)], &sources[i])
		}
	}
	exports, err := exportData(root, slices.Sorted(maps.Keys(packages)))
	if err != nil {
		return nil, err
	}
	var all []Inside
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		arrows, err := arrowsOf(name, packages[name], exports)
		if err != nil {
			return nil, err
		}
		all = append(all, Inside{name, len(arrows), Back(arrows)})
	}
	return all, nil
}

// exportData says where the compiled types of every package are that these import.
func exportData(root string, packages []string) (map[string]string, error) {
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	for _, p := range packages {
		args = append(args, "./"+p)
	}
	list := exec.Command("go", args...)
	var stderr bytes.Buffer
	list.Dir, list.Stderr = root, &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[name] = file
	}
	return exports, nil
}

// arrowsOf are the arrows between the files of one package.
func arrowsOf(name string, sources []*Source, exports map[string]string) ([]Arrow, error) {
	fset := sources[0].fset
	var files []*ast.File
	in := map[*token.File]string{}
	for _, s := range sources {
		files = append(files, s.File)
		in[fset.File(s.File.Pos())] = path.Base(s.Path)
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", open)}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checked, err := config.Check(name, fset, files, info)
	if err != nil {
		return nil, err
	}
	all := map[Arrow]bool{}
	for id, used := range info.Uses {
		if used.Pkg() != checked {
			continue
		}
		from, to := in[fset.File(id.Pos())], in[fset.File(used.Pos())]
		if from != to && to != "" {
			all[Arrow{from, to}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b Arrow) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	}), nil
}

// Back returns the arrows that run up in an order of the files in which few do. To find the fewest is hard (a feedback
// arc set); this moves one file after the other to where it is best until no move helps, from two beginnings.
func Back(arrows []Arrow) (best []Arrow) {
	for i, order := range [][]string{byUse(arrows), byName(arrows)} {
		sift(order, arrows)
		if up := upward(order, arrows); i == 0 || len(up) < len(best) {
			best = up
		}
	}
	return best
}

func byName(arrows []Arrow) []string {
	files := map[string]bool{}
	for _, a := range arrows {
		files[a.From], files[a.To] = true, true
	}
	return slices.Sorted(maps.Keys(files))
}

// byUse is the order in which those stand above that use more than they are used.
func byUse(arrows []Arrow) []string {
	weight := map[string]int{}
	for _, a := range arrows {
		weight[a.From]++
		weight[a.To]--
	}
	order := byName(arrows)
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(weight[b], weight[a]) })
	return order
}

// sift moves each file to where the fewest of its arrows run up, as long as that helps.
func sift(order []string, arrows []Arrow) {
	uses := map[Arrow]int{}
	for _, a := range arrows {
		uses[a] = 1
	}
	for moved := true; moved; {
		moved = false
		for _, file := range slices.Clone(order) {
			at := slices.Index(order, file)
			others := slices.Delete(slices.Clone(order), at, at+1)
			up, here := 0, 0 // arrows that run up, relative to the file on top of all others
			best, least := 0, 0
			for i, other := range others {
				up += uses[Arrow{file, other}] - uses[Arrow{other, file}]
				if i+1 == at {
					here = up
				}
				if up < least {
					best, least = i+1, up
				}
			}
			if least < here {
				copy(order, slices.Insert(others, best, file))
				moved = true
			}
		}
	}
}

func upward(order []string, arrows []Arrow) (up []Arrow) {
	at := map[string]int{}
	for i, f := range order {
		at[f] = i
	}
	for _, a := range arrows {
		if at[a.From] > at[a.To] {
			up = append(up, a)
		}
	}
	return up
}
