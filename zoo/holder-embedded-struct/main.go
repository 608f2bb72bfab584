// A global struct value embeds others, by value and by pointer: the memory hangs on a field of
// the embedded cache, two levels below the variable, at an offset inside of it.
package main

import (
	"strconv"
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

type entry struct {
	key   string
	value []byte
	hits  int
}

type cache struct {
	sync.RWMutex
	limit   int
	entries map[string]*entry
}

type audit struct {
	actions []string
}

type base struct {
	name  string
	ports [4]int
	cache
}

type server struct {
	started bool
	base
	*audit
	ready chan bool
}

var api = server{base: base{name: "api", cache: cache{entries: map[string]*entry{}}}, audit: &audit{}}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(110000)
	for i := 0; i < n; i++ {
		e := &entry{key: "/product/" + strconv.Itoa(i) + "/" + ordinary.Name(uint64(i)), value: make([]byte, 250+i%200)}
		api.Lock()
		api.entries[e.key] = e
		api.Unlock()
		if i%10 == 0 {
			api.actions = append(api.actions, "cached "+strconv.Itoa(i))
		}
	}
	truth.Tell(&truth.Report{
		Holder:     "main.api",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.entry", N: n}},
		Facts:      []truth.Fact{{Key: "map_entries", Value: int64(len(api.entries))}},
	})
}
