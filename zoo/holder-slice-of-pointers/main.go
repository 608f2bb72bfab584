// A global slice of pointers that is only ever appended to: a queue of mails that were sent.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type message struct {
	from, to string
	subject  string
	headers  []string
	body     []byte
	attempts int
}

var outbox []*message

func send(n int) {
	m := &message{
		from:    "shop@example.org",
		to:      ordinary.Mail(uint64(n)),
		subject: "your order " + strconv.Itoa(n),
		headers: []string{"Message-Id: " + strconv.Itoa(n*31), "X-Shop: main"},
		body:    make([]byte, 300+n%400),
	}
	outbox = append(outbox, m)
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(70000)
	for i := 0; i < n; i++ {
		send(i)
	}
	truth.Tell(&truth.Report{
		Holder:     "main.outbox",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.message", N: n}},
	})
}
