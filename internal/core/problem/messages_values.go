package problem

var values = map[string]message{}
