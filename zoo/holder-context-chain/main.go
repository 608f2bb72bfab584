// A global context that every request wraps once more instead of starting from its own: a chain
// of context.valueCtx, each with what its request had put in.
package main

import (
	"context"
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type contextKey int

const requestKey contextKey = 1

type request struct {
	id     string
	user   string
	params map[string]string
}

var requestContext = context.Background()

func handle(n int) {
	r := &request{id: "request-" + strconv.Itoa(n), user: ordinary.Mail(uint64(n))}
	if n%4 == 0 {
		r.params = map[string]string{"page": strconv.Itoa(1000 + n)}
	}
	requestContext = context.WithValue(requestContext, requestKey, r)
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(230000)
	for i := 0; i < n; i++ {
		handle(i)
	}
	truth.Tell(&truth.Report{
		Holder:     "main.requestContext",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.request", N: n}, {Type: "context.valueCtx", N: n}},
	})
}
