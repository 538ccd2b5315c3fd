package demo

// Kept is how many access tokens, refresh tokens (used ones too) and families are in memory, good ones and others.
func (d *Demo) Kept() (access, refresh, families int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, of := range d.families {
		families += len(of)
	}
	return len(d.access), len(d.refresh), families
}
