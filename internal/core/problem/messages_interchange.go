package problem

var interchange = map[string]message{}
