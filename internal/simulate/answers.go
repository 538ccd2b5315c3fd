package simulate

import "bff/internal/simulate/standin"

// portal is the page of a captive portal.
const portal = "<html><head><title>Welcome to the wireless network</title></head><body>Please accept our terms</body></html>"

// object is an answer of a few fields.
func object(status int, pairs ...any) *standin.Answer {
	body := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		body[pairs[i].(string)] = pairs[i+1]
	}
	return &standin.Answer{Status: status, Body: body}
}

// page is an answer that is no JSON.
func page(status int, contentType, text string) *standin.Answer {
	return &standin.Answer{Status: status, Headers: map[string]string{"Content-Type": contentType}, Body: text}
}

// with adds a header.
func with(a *standin.Answer, name, value string) *standin.Answer {
	if a.Headers == nil {
		a.Headers = map[string]string{}
	}
	a.Headers[name] = value
	return a
}

func answered(a *standin.Answer) standin.Trouble { return standin.Trouble{Answer: a} }

func changed(change func(map[string]any)) standin.Trouble { return standin.Trouble{Fields: change} }
