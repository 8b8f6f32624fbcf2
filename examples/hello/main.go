// Command hello prints a file: the smallest application with something to keep.
package main

import (
	"fmt"
	"os"
)

func main() {
	text, err := os.ReadFile("/etc/hello/greeting.txt")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(string(text))
}
