package api

// A form is what a person is asked for before an account can be linked.
type form struct {
	Fields    []string   `json:"fields"` // of a typed credential
	Variables []variable `json:"variables,omitempty"`
}

// A variable is what the provider's addresses are made of: a shop, a tenant.
type variable struct {
	Name    string `json:"name"`
	Ask     string `json:"ask"`
	Pattern string `json:"pattern,omitempty"`
	Default string `json:"default,omitempty"`
}

// form is what is asked before an account is linked; nil where nothing is. fields are those of a typed credential.
func (a *account) form(provider string, fields []string) *form {
	out := &form{Fields: append([]string{}, fields...)}
	for _, v := range a.broker.Variables(provider) {
		out.Variables = append(out.Variables, variable(v))
	}
	if len(out.Fields)+len(out.Variables) == 0 {
		return nil
	}
	return out
}
