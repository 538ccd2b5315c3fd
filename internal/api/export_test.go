package api

// Paths lists the rows of the browsers' listener, as "METHOD path".
func (s *Server) Paths() (all []string) {
	for _, row := range s.rows() {
		all = append(all, row.Method+" "+row.Path)
	}
	return all
}
