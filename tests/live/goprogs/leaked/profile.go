package main

import (
	"fmt"
	"io"
	"runtime/pprof"
)

// profile writes the runtime's own findings with all frames, or a line that says that it has none.
func profile(w io.Writer) {
	p := pprof.Lookup("goroutineleak")
	if p == nil {
		fmt.Fprintln(w, "no profile")
		return
	}
	check(p.WriteTo(w, 2))
}
