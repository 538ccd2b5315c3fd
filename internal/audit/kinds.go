package audit

// A Kind names what happened. Kinds is the closed list.
type Kind string

// The kinds that are written to the audit log.
const (
	SignIn            Kind = "sign_in"
	SignInRefused     Kind = "sign_in_refused"
	SessionEnded      Kind = "session_ended"
	Linked            Kind = "connection_linked"
	Unlinked          Kind = "connection_unlinked"
	RefreshRefused    Kind = "refresh_refused"
	TokenExchanged    Kind = "token_exchanged"
	ExchangeRefused   Kind = "exchange_refused"
	Introspected      Kind = "introspected"
	UserRegistered    Kind = "user_registered"
	UserErased        Kind = "user_erased"
	RightsChanged     Kind = "rights_changed"
	IdentityAdded     Kind = "identity_added"
	IdentityRemoved   Kind = "identity_removed"
	PreferencesSet    Kind = "preferences_changed"
	DataSet           Kind = "data_changed"
	GrantRevoked      Kind = "grant_revoked"
	ConfigurationRead Kind = "configuration_changed"
	KeysChanged       Kind = "keys_changed"
	NamesChanged      Kind = "names_changed"
	OrderReceived     Kind = "order_received"
)

// The kinds that are kept for explanations only: they change nothing, and there may be many.
const (
	CallRefused     Kind = "call_refused"
	CallFailed      Kind = "call_failed"
	CallCarried     Kind = "call_carried" // never recorded: an instance remembers such calls, see explain.Calls
	Refreshed       Kind = "refreshed"
	RefreshFailed   Kind = "refresh_failed"
	StoreFailed     Kind = "store_failed"
	AttemptStarted  Kind = "attempt_started"
	AttemptRepeated Kind = "attempt_repeated"
)

// A Description says what a kind means, in words for operators.
type Description struct {
	Kind    Kind
	Audited bool   // it is written to the audit log
	Means   string // one sentence, as documented
	Advice  string // what to do, "" where there is nothing to do
}

// Kinds returns every kind with its meaning, in the order of the documentation.
func Kinds() []Description {
	return []Description{
		{SignIn, true, "A person signed in and a session began.", ""},
		{SignInRefused, true, "A sign-in came to nothing; code says why.",
			"See the code in docs/troubleshooting.md; `not_allowed` is decided by users.allow, `hook_failed` by your hook."},
		{SessionEnded, true, "A session ended; reason and actor say why and by whom.", "The person signs in again."},
		{UserRegistered, true, "A user was registered at the first sign-in.", ""},
		{UserErased, true, "A user and everything of theirs was erased.", ""},
		{IdentityAdded, true, "An account became one more way to sign in.", ""},
		{IdentityRemoved, true, "An account is no longer a way to sign in.", ""},
		{RightsChanged, true, "The rights of a user changed; rights has them as they are now.", ""},
		{Linked, true, "An account was linked, linked again, or got more scopes.", ""},
		{Unlinked, true, "An account was unlinked.", ""},
		{GrantRevoked, true, "The provider confirmed that a grant was revoked.", ""},
		{RefreshRefused, true,
			"A grant ended: the provider refused a refresh for good, or withdrew it. The connection needs the person.",
			"The person links the account again; `rotated_away` in numbers means that an instance loses answers."},
		{TokenExchanged, true, "A service was given a token; client says which service.", ""},
		{ExchangeRefused, true, "A service asked for a token and was refused; code says why.",
			"Compare clients.<name>.exchange and offline with what it asked for."},
		{Introspected, true, "A service asked whose session or assertion it has.", ""},
		{PreferencesSet, true, "A person changed their preferences.", ""},
		{DataSet, true, "A service changed its data beside a session or a user.", ""},
		{OrderReceived, true, "A provider ordered an end: back-channel logout or a security event.", ""},
		{ConfigurationRead, true, "The configuration was read: at the start, or again.", ""},
		{KeysChanged, true, "The key ring changed.", ""},
		{NamesChanged, true,
			"`bff user hide-names` changed how the store spells users; reason is `hidden`, or `back` for as before.", ""},
		{AttemptStarted, false, "A sign-in or the linking of an account began.", ""},
		{AttemptRepeated, false, "A callback came again and was led where the first one went.", ""},
		{CallRefused, false, "A call was refused before it reached the upstream; code says why.",
			"Compare the api's allow, scopes and require with the call."},
		{CallFailed, false, "A call reached its upstream and failed there; code says how.",
			"Look at the upstream: bff reached it, or tried to."},
		{CallCarried, false, "A call was carried to its upstream, which answered.", ""},
		{Refreshed, false, "An access token was refreshed.", ""},
		{
			RefreshFailed,
			false,
			"A refresh failed for now; nothing has ended.",
			"Look at the provider: it is down, slow or limits bff.",
		},
		{
			StoreFailed,
			false,
			"The store did not answer; nothing has ended.",
			"Look at the store: `bff check` says what it says.",
		},
	}
}

// Audited reports whether events of a kind are written to the audit log. A kind that is not in the list is.
func Audited(k Kind) bool {
	for _, d := range Kinds() {
		if d.Kind == k {
			return d.Audited
		}
	}
	return true
}
