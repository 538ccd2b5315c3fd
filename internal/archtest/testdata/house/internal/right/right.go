package util // breaks: a name that says nothing

import "bff/internal/left" // breaks: no arrow from internal/right to internal/left

var X = left.X
