package oauth

// CheckEndpoint is what every address of a metadata document passes. An issuer that is not on loopback cannot be played here, so it is tested by itself.
func CheckEndpoint(address, issuer string) error { return checkEndpoint(address, issuer) }
