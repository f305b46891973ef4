package problem

var repository = map[string]message{}
