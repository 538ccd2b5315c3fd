package signin

import (
	"net/http"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/secret"
)

// ConnectTyped links an account by what a person typed into a form, or repairs one. What was typed is shown never
// again. Whoever looks at the answer gets the form again where something else can be typed, or the same once more.
func (f *Flow) ConnectTyped(c *route.Call) error {
	provider := c.R.PathValue("provider")
	if !f.cfg.Broker.Typed(provider) {
		return problem.UnknownProvider()
	}
	if err := f.limit(c); err != nil {
		return err
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	in := oauth.Typed{Provider: provider, APIKey: secret.New(form.Get("api_key")), Username: form.Get("username"),
		Password: secret.New(form.Get("password"))}
	old, values, err := f.typed.read(c, form)
	if err != nil {
		return err
	}
	var wrong map[string]string
	if in.Values, wrong, err = f.values.completed(provider, values); err != nil {
		return err
	} else if len(wrong) > 0 {
		return f.typed.show(c, typedAsk{old: old, values: values, wrong: wrong, sent: form})
	}
	if old != nil {
		in.Subject = old.Account.Subject
	}
	to := route.ReturnPath(form.Get("return_to"))
	conn, err := f.cfg.Broker.LinkTyped(c.Ctx(), in)
	if err == nil && in.Subject != "" && conn.Account.Subject != in.Subject {
		err = problem.New(problem.WrongAccount)
	}
	if err == nil {
		_, err = f.cfg.Vault.Connections.Link(c.Ctx(), c.Session, conn)
	}
	if err != nil {
		why, ok := ending(err)
		if !ok {
			return nil
		}
		f.cfg.Metrics.Problem(why)
		f.ends.logFailed(c.Ctx(), provider, err)
		if problem.WantsPage(c.R) && typedAgain(why) {
			return f.typed.show(c, typedAsk{old: old, values: values, sent: form, why: why})
		}
		to = route.WithError(to, why)
	}
	return c.Redirect(to, http.StatusSeeOther)
}
