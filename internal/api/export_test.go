package api

import (
	"reflect"

	"bff/internal/api/problem"
)

// AnswerTypes are the shapes of the answers to browsers, by the names that the client has for them.
func AnswerTypes() map[string]reflect.Type {
	return map[string]reflect.Type{
		"Connection": reflect.TypeFor[connectionJSON](), "Provider": reflect.TypeFor[providerJSON](),
		"Form": reflect.TypeFor[form](), "User": reflect.TypeFor[userJSON](), "Device": reflect.TypeFor[deviceJSON](),
		"Problem": reflect.TypeFor[problem.Problem](), "Fix": reflect.TypeFor[problem.Fix](),
	}
}

// Paths lists the rows of the browsers' listener, as "METHOD path".
func (s *Server) Paths() (all []string) {
	for _, row := range s.rows() {
		all = append(all, row.Method+" "+row.Path)
	}
	return all
}
