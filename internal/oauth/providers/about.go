package providers

// About is what people should know of a provider. Nothing in it changes what bff does.
type About struct {
	Color      string                `yaml:"color,omitempty"`      // of its mark, "#rrggbb"
	Sources    []Source              `yaml:"sources,omitempty"`    // where the facts of the file come from
	Register   Register              `yaml:"register,omitempty"`   // how a client is registered
	Scopes     map[string]ScopeWords `yaml:"scopes,omitempty"`     // the scopes that are asked for most, in plain words
	Habits     []string              `yaml:"habits,omitempty"`     // what it does differently, a sentence each
	Revocation string                `yaml:"revocation,omitempty"` // what a revocation ends, and for whom
	Unverified []string              `yaml:"unverified,omitempty"` // what of the file nobody has tried, with a date
}

// A Source is a public page, and the day or month on which it was read. Without one it is where the documentation is,
// and nobody opened it for this file.
type Source struct {
	URL  string `yaml:"url"`
	Read string `yaml:"read,omitempty"`
}

// Register says where a client is registered, and what to enter there.
type Register struct {
	URL   string `yaml:"url,omitempty"`
	Enter string `yaml:"enter,omitempty"`
}

// ScopeWords are the plain words for one scope. The kind is one of those below, or "".
type ScopeWords struct {
	Kind    string `yaml:"kind,omitempty"`
	English string `yaml:"en"`
	German  string `yaml:"de"`
}

// The kinds of scopes.
const (
	ScopeWho    = "who"    // who the person is
	ScopeSee    = "see"    // reads
	ScopeChange = "change" // writes, sends, deletes
	ScopeKeep   = "keep"   // works while the person is away
)
