package problem

var intake = map[string]message{}
