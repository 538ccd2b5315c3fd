package util // breaks: a name that says nothing

import "bff/internal/left" // breaks: internal/right imports internal/left

var X = left.X
