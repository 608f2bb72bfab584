// A global variable of a function type: the closure's captured variables hold it all, one by
// value (a map that is never assigned to again), one by reference (a slice that grows, moved to
// the heap by the compiler).
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type request struct {
	path    string
	headers map[string]string
	body    []byte
}

var onRequest func(r *request) int

//go:noinline
func deduplicating(limit int) func(r *request) int {
	seen := map[string]*request{}
	var late []*request
	return func(r *request) int {
		if seen[r.path] == nil && len(seen) < limit {
			seen[r.path] = r
		} else {
			late = append(late, r)
		}
		return len(seen) + len(late)
	}
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(65000)
	onRequest = deduplicating(n / 2)
	for i := 0; i < n; i++ {
		onRequest(&request{
			path:    "/orders/" + strconv.Itoa(i%(n*3/4+1)),
			headers: map[string]string{"From": ordinary.Mail(uint64(i)), "Accept": "text/html"},
			body:    make([]byte, 200+i%300),
		})
	}
	truth.Tell(&truth.Report{
		Holder:     "main.onRequest",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.request", N: n}},
	})
}
