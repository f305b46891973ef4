package problem

var expressions = map[string]message{}
