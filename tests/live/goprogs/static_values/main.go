// Program of tests/live/test_static_values.py: package variables whose initial values the compiler
// places in data and bss without symbol or DWARF, and behind each of them a known number of bytes.
// Nothing converts a store to an interface unless it says so: most types here have no descriptor.
// Built with every Go version at hand, so: the syntax of Go 1.15.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

type store struct {
	mu    sync.Mutex
	last  uint64
	items map[string]*item
}

type item struct {
	key  string
	data []byte
}

// A type of its own for each, so that no other use brings the descriptor in.
type (
	plainStore store
	innerStore store
	listStore  store
	pointed    store
	arrayStore store
	valueStore struct{ byKey store }
	outerStore struct {
		name  string
		inner *innerStore
	}
	nestedStore struct {
		shards [3]struct {
			mu   sync.Mutex
			part *partStore
		}
	}
	partStore store
	kept      store
	anyStore  store
	neighbour struct{ first, second *store }
)

type keeper interface{ keep(*item) }

func (k *kept) keep(i *item) { k.items[i.key] = i }

var (
	plain    = &plainStore{}
	chain    = &outerStore{name: "outer", inner: &innerStore{}}
	list     = []listStore{{}, {}, {}}
	pointers = []*pointed{{}, {}}
	array    = [3]*arrayStore{{}, {}, {}}
	value    valueStore
	nested               = &nestedStore{}
	face     keeper      = &kept{items: nil}
	anything interface{} = &anyStore{}
	beside               = neighbour{&store{}, &store{}}
	twice                = &plain
)

func init() {
	nested.shards[2].part = part
}

var part = &partStore{}

const itemBytes = 4000

// fill makes a map of n items; 4096 bytes each and what the map takes.
func fill(n int) map[string]*item {
	m := make(map[string]*item, n)
	for i := 0; i < n; i++ {
		key := "key-" + strconv.Itoa(i)
		m[key] = &item{key: key, data: make([]byte, itemBytes)}
	}
	return m
}

func main() {
	plain.items = fill(100)
	chain.inner.items = fill(120)
	list[1].items = fill(140)
	pointers[1].items = fill(160)
	array[2].items = fill(180)
	value.byKey.items = fill(200)
	part.items = fill(220)
	face.(*kept).items = fill(239)
	face.keep(&item{key: "last", data: make([]byte, itemBytes)})
	anything.(*anyStore).items = fill(260)
	beside.first.items = fill(280)
	beside.second.items = fill(300)
	runtime.GC()
	fmt.Printf("{\"ready\":true,\"pid\":%d}\n", os.Getpid())
	for {
		time.Sleep(time.Hour)
		runtime.KeepAlive((*twice).items)
	}
}
