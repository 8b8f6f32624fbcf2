// Command server is a small application for the end-to-end tests: one static program, no file but its own data.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		command(os.Args[1])
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	http.HandleFunc("/data", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "/data/late.txt") })
	http.HandleFunc("/now", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, time.Now().UnixNano()) })
	if err := http.ListenAndServe(":8080", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(name string) {
	switch name {
	case "fail":
		fmt.Fprintln(os.Stderr, "it failed")
		os.Exit(7)
	case "sleep":
		time.Sleep(time.Hour)
	case "read":
		data, err := os.ReadFile(os.Args[2])
		fmt.Println(string(data), err)
	default:
		fmt.Println("ran", name)
	}
}
