package signin

import "strings"

// device says in words what a User-Agent claims to be: "Firefox on Linux". Only words of these lists come out, so
// nothing of the header is kept.
func device(userAgent string) string {
	browser := first(userAgent, [][2]string{
		{
			"Edg/",
			"Edge",
		}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{
			"FxiOS/",
			"Firefox",
		}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome (headless)"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
		{
			"Safari/",
			"Safari",
		}, {"curl/", "curl"}, {"Go-http-client/", "Go program"}, {"python", "Python program"}, {"node", "Node.js program"},
	})
	system := first(userAgent, [][2]string{
		{
			"iPhone",
			"iPhone",
		}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	})
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case system != "":
		return "A browser on " + system
	}
	return "Unknown device"
}

func first(s string, words [][2]string) string {
	for _, w := range words {
		if strings.Contains(s, w[0]) {
			return w[1]
		}
	}
	return ""
}
