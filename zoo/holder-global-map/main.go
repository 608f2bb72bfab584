// A global map from strings to pointers holds it all: sessions that nobody ever logs out of.
package main

import (
	"strconv"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

type line struct {
	sku      string
	quantity int
}

type session struct {
	id      string
	user    string
	mail    string
	created time.Time
	seen    time.Time
	cart    []line
	token   [32]byte
}

var sessions = map[string]*session{}

func login(n int) {
	s := &session{
		id:      "session-" + strconv.Itoa(n*7919),
		user:    ordinary.Name(uint64(n)),
		mail:    ordinary.Mail(uint64(n)),
		created: time.Now(),
		cart:    make([]line, 1+n%3),
	}
	s.seen = s.created
	for i := range s.cart {
		s.cart[i] = line{"sku-" + strconv.Itoa(100000+(n+i)%5000), i + 1}
	}
	sessions[s.id] = s
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(140000)
	for i := 0; i < n; i++ {
		login(i)
	}
	truth.Tell(&truth.Report{
		Holder:     "main.sessions",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.session", N: n}},
		Facts:      []truth.Fact{{Key: "map_entries", Value: int64(len(sessions))}},
	})
}
