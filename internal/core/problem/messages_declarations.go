package problem

var declarations = map[string]message{}
