package simulate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"bff/internal/oauth/providers"
	"bff/internal/simulate/standin"
)

// ErrFailed is in every error that says that a scenario did not go as expected.
var ErrFailed = errors.New("failed")

// Options say what Run plays.
type Options struct {
	Answers *standin.Answers // recorded of the real provider, or nil
	File    string           // the name of the provider's file or of the provider, for people
	Trust   bool             // do not look for keys that could be wrong without a scenario noticing
	Core    bool             // only what recorded answers decide: sign-in, refresh, dead grants beside a second person
	Facts   bool             // only what depends on the file; without the provider's misbehaviours

	slots slots // shared by runs at once; nil: of one's own
}

// Answers are what a real provider answered.
type Answers = standin.Answers

// ParseAnswers reads a file of answers.
func ParseAnswers(file []byte) (*Answers, error) { return standin.ParseAnswers(file) }

// About is what `--help` says of the table.
const About = `A stand-in follows the provider's file, and nothing is contacted. The table shows what bff does when the provider is as its
file says; it cannot show that the provider is so. Three things can: "bff provider check", which asks the addresses;
--answers, which plays what the real provider answered; and a sign-in.

The stand-in refuses every address, header, parameter and scope that the file does not name. Played are people (sign-in,
consent, linking, two at once, revocation), callbacks that are not as they should be, answers of the token endpoint
(failures, nonsense, unusual forms, refusals), refreshes, metadata, keys, ID tokens, userinfo, revocations, and the API.
--list prints all of it for one provider.

Then every key of the file is made wrong, one at a time, and the scenarios are played against what the file said. A
"warning" names a key that could be wrong without a scenario noticing.`

// List prints what Run would play.
func List(p providers.Config, o Options, out io.Writer) error {
	st, err := newSimulation(p, o.Answers)
	if err != nil {
		return err
	}
	for _, sc := range st.chosen(o) {
		if _, err := fmt.Fprintln(out, sc.name); err != nil {
			return err
		}
	}
	return nil
}

// RunAll plays every built-in provider, and prints a line for each and the tables of those in which something failed, in
// the order of their names. Several are played at once, which waits for the slowest scenario of one no longer than needed.
func RunAll(ctx context.Context, o Options, out io.Writer) error {
	type played struct {
		table bytes.Buffer
		err   error
	}
	names := providers.Builtins()
	all := make([]chan *played, len(names))
	o.slots = newSlots()
	ahead := make(slots, 3) // providers
	for i := range names {
		all[i] = make(chan *played, 1)
	}
	go func() {
		for i, name := range names {
			ahead <- struct{}{}
			go func() {
				defer func() { <-ahead }()
				p, _ := providers.Builtin(name)
				o, r := o, new(played)
				o.File = name
				r.err = Run(ctx, p, o, &r.table)
				all[i] <- r
			}()
		}
	}()
	var failed []string
	for i, name := range names {
		r := <-all[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.err != nil {
			failed = append(failed, name)
		}
		sumUp(out, name, r.table.String(), r.err)
	}
	if failed != nil {
		return fmt.Errorf("%s %w", strings.Join(failed, ", "), ErrFailed)
	}
	return nil
}

// sumUp prints a line for a provider and its warnings, behind the table where something failed.
func sumUp(out io.Writer, name, table string, err error) {
	if err != nil {
		_, _ = fmt.Fprintf(out, "%s%-6s   %s\n", table, "FAILED", name)
		return
	}
	_, _ = fmt.Fprintf(out, "%-6s   %s\n", "ok", name)
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "warning") {
			_, _ = io.WriteString(out, line)
		}
	}
}

// chosen are the scenarios that are played.
func (st *simulation) chosen(o Options) []scenario {
	all := st.played.scenarios()
	if o.Facts {
		all = slices.DeleteFunc(all, func(sc scenario) bool { return !sc.fact })
	}
	if o.Core {
		all = slices.DeleteFunc(all, func(sc scenario) bool { return !sc.core })
	}
	return all
}

// A result is what came of a scenario.
type result struct {
	scenario
	happened string
	refusals []string
}

// Run plays a provider with everything that goes wrong against the product, and prints a table: each scenario has a
// provider, a bff and browsers of its own. The error counts the scenarios that failed.
func Run(ctx context.Context, p providers.Config, o Options, out io.Writer) error {
	st, err := newSimulation(p, o.Answers)
	if err != nil {
		return err
	}
	if o.slots != nil {
		st.slots = o.slots
	}
	st.preface(out, o)
	all := st.chosen(o)
	results := make([]result, len(all))
	st.slots.each(len(all), func(i int) {
		happened, refusals := st.play(ctx, st.played.file, all[i])
		results[i] = result{all[i], happened, refusals}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	failed := report(out, results)
	if failed == nil && !o.Trust {
		st.warn(out, st.blind(ctx))
	}
	return errors.Join(failed, ctx.Err())
}

// preface says what the table can prove.
func (st *simulation) preface(out io.Writer, o Options) {
	say := func(text string, args ...any) { _, _ = fmt.Fprintf(out, text+"\n", args...) }
	say("The stand-in follows %s, and nothing is contacted. The table shows what bff does when the provider is as that file says; it", o.File)
	say("cannot show that the provider is so. What is wrong in the file is found by `bff provider check`, which asks the addresses, by")
	say("answers of the real provider (`--answers FILE`), and by a sign-in.")
	if o.Answers != nil {
		played, made := o.Answers.Played()
		say("Played from recorded answers: %s. Made up from the file: %s.", listed(played), listed(made))
	}
	if missing := notPlayedOf(&st.played.given); missing != nil {
		say("Not played, so that scenarios may fail for that alone: %s.", listed(missing))
	}
	if ownIssuer(&st.played.given) {
		say("Each organisation has an issuer of its own there; %s is played.", st.played.file.Issuer)
	}
	say("")
}

func listed(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

// report prints the table.
func report(w io.Writer, results []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(t, "\tSCENARIO\tEXPECTED\tHAPPENED")
	bad := 0
	for _, r := range results {
		mark, what := "ok", "the same"
		if r.happened != r.expected {
			mark, what = "FAILED", r.happened
			if len(r.refusals) > 0 {
				what += "; the provider refused: " + r.refusals[0]
			}
			bad++
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", mark, r.name, r.expected, what)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d scenarios %w", bad, len(results), ErrFailed)
	}
	return nil
}
