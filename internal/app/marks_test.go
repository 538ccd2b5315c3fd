package app_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bff/internal/app"
	"bff/internal/oauth/providers"
)

// Every built-in provider has a symbol whose white letters can be read on its color.
func TestEveryBuiltinProviderHasAMark(t *testing.T) {
	var all []providers.Config
	for _, name := range providers.Builtins() {
		p, _ := providers.Builtin(name)
		all = append(all, p)
		if c := contrast(t, p.About.Color); c < 4.5 {
			t.Errorf("%s: white on %s has a contrast of %.2f", name, p.About.Color, c)
		}
	}
	sheet := string(app.Marks(all))
	for _, p := range all {
		if strings.Count(sheet, `<symbol id="`+p.Name+`" `) != 1 {
			t.Errorf("%s has no symbol, or several", p.Name)
		}
	}
	wellFormed(t, sheet)
}

func TestNothingOfAProviderFileLeavesItsSymbol(t *testing.T) {
	p := providers.Config{Name: `a"><script>`, Title: `<Script>&"`, About: providers.About{Color: `red"/><script>alert(1)</script>`}}
	sheet := string(app.Marks([]providers.Config{p, {Name: "plain", Title: "Plain"}}))
	wellFormed(t, sheet)
	if strings.Contains(sheet, "<script") || strings.Contains(sheet, "plain") {
		t.Error(sheet)
	}
}

func wellFormed(t *testing.T, sheet string) {
	t.Helper()
	allowed := regexp.MustCompile(`^(svg|symbol|rect|text)$`)
	for d := xml.NewDecoder(strings.NewReader(sheet)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && !allowed.MatchString(start.Name.Local) {
			t.Errorf("the sheet has an element %s", start.Name.Local)
		}
	}
}

// contrast is that of white on a color (WCAG 2.2, 1.4.3).
func contrast(t *testing.T, color string) float64 {
	t.Helper()
	var rgb [3]float64
	for i := range rgb {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", color, err))
		}
		v := float64(n) / 255
		if rgb[i] = v / 12.92; v > 0.03928 {
			rgb[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 1.05 / (0.2126*rgb[0] + 0.7152*rgb[1] + 0.0722*rgb[2] + 0.05)
}
