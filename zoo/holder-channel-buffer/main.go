// A buffered channel that its consumer reads too slowly. The elements are structs, so the buffer
// is one large object with pointers, filled past its end and round again.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type event struct {
	kind    string
	payload []byte
	user    string
}

type delivery struct {
	topic   string
	event   *event
	attempt int
}

var deliveries chan delivery

func publish(n int) {
	deliveries <- delivery{
		topic: "orders." + strconv.Itoa(n%100),
		event: &event{"created", make([]byte, 100+n%400), ordinary.Mail(uint64(n))},
	}
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(110000)
	deliveries = make(chan delivery, n+n/4)
	for i := 0; i < n; i++ {
		publish(i)
	}
	// The ring has turned: it begins in its last quarter and goes on at its first slot.
	for i := 0; i < n*3/4; i++ {
		<-deliveries
		publish(i)
	}
	truth.Tell(&truth.Report{
		Holder:     "main.deliveries",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.event", N: n}},
		Facts:      []truth.Fact{{Key: "chan_len", Value: int64(len(deliveries))}, {Key: "chan_cap", Value: int64(cap(deliveries))}},
	})
}
