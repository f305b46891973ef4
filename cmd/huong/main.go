// Command huong is a city's shared data platform.
package main

import (
	"os"

	"huong.city/huong/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
