// A global sync.Map of connections that were never removed. Up to Go 1.23 it is two maps of
// entries (most were promoted to the read map, the newest are only in the dirty one), from 1.24
// on a tree of hashes.
package main

import (
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

type connection struct {
	number   uint64
	peer     string
	inbound  []byte
	outbound []byte
	flags    uint32
}

var connections sync.Map

func accept(n uint64) {
	connections.Store(n, &connection{n, ordinary.Mail(n), make([]byte, 256), make([]byte, 128), 1})
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(80000)
	for i := 0; i < n; i++ {
		if i == n*7/8 {
			connections.Range(func(key, value interface{}) bool { return true })
		}
		accept(uint64(i))
	}
	truth.Tell(&truth.Report{
		Holder:     "main.connections",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.connection", N: n}},
		Facts:      []truth.Fact{{Key: "map_entries", Value: int64(n)}},
	})
}
