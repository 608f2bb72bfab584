// Maps, contexts and channels that keep what nobody needs any more, and what the program knows of
// them.
//
// usage: keepers
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

type connection struct {
	number int
	buffer [500]byte
	peer   *connection
}

// All in read, deleted there: p is nil.
var promoted sync.Map

// The same, and dirty made since: deleted before that are expunged, deleted after it are nil in both.
var amended sync.Map

// Keys that are never promoted: delete takes them out of dirty for good.
var fresh sync.Map

// Half of the keys point into the same objects as the others.
var paired sync.Map

// Values of nil are no deleted keys.
var nils sync.Map

// Text keys, most deleted.
var named sync.Map

type pair struct{ left, right [40]byte }

// A row has its key in it, and in rows the versions before it: they are the map's own.
type row struct {
	key    string
	data   [300]byte
	before *row
}

var rows = map[string]*row{}

// The same, but what is overwritten goes to somebody who was handed it.
type page struct {
	size int
	path string
	data [300]byte
}

var pages = map[string]*page{}
var handed []*page

// Whole numbers that are too small to be more than indices.
type cell struct {
	index int
	data  [300]byte
}

var cells = map[int]*cell{}
var grid []*cell

//go:noinline
func overwrite() {
	for round := 0; round < 8; round++ {
		for i := 0; i < 200; i++ {
			key := fmt.Sprint("key ", i)
			rows[key] = &row{key: key, before: rows[key]}
			p := &page{path: fmt.Sprint("/page/", i)}
			pages[p.path] = p
			handed = append(handed, p)
			c := &cell{index: i}
			cells[i] = c
			grid = append(grid, c)
		}
	}
	truth.Old = 7 * 200
}

// Full, but its receiver is at work on an element.
var busy = make(chan *connection, 256)

func work(done chan bool) {
	for c := range busy {
		<-done
		c.number++
	}
}

// Children that their deadlines will end.
var limited, limitedEnds = context.WithCancel(context.Background())

//go:noinline
func limit() {
	for i := 0; i < 400; i++ {
		ctx, _ := context.WithTimeout(context.WithValue(limited, i, connections(1)[0]), time.Hour)
		_ = ctx
	}
}

type told struct {
	Ready    bool           `json:"ready"`
	Stale    map[string]int `json:"stale"`
	Entries  map[string]int `json:"entries"`
	Children map[string]int `json:"children"`
	Left     map[string]int `json:"left"` // children whose cancel function nobody has
	Queued   map[string]int `json:"queued"`
	Old      int            `json:"old"`
	Version  string         `json:"version"`
}

var truth = told{Ready: true, Stale: map[string]int{}, Entries: map[string]int{}, Children: map[string]int{},
	Left: map[string]int{}, Queued: map[string]int{}}

func promote(m *sync.Map) { m.Range(func(_, _ interface{}) bool { return true }) }

func connections(n int) []*connection {
	var all []*connection
	for i := 0; i < n; i++ {
		all = append(all, &connection{number: i, peer: &connection{}})
	}
	return all
}

//go:noinline
func fillMaps() {
	keys := connections(3000)
	for i, k := range keys {
		promoted.Store(k, i)
		amended.Store(k.peer, k.number)
		fresh.Store(&connection{number: i}, true)
	}
	promote(&promoted)
	promote(&amended)
	for i, k := range keys {
		if i%3 != 0 {
			promoted.Delete(k)
		}
		if i < 1000 {
			amended.Delete(k.peer)
		}
	}
	amended.Store("one more", 1) // makes dirty of what is left
	for i, k := range keys {
		if i >= 1000 && i < 1500 {
			amended.Delete(k.peer)
		}
	}
	fresh.Range(func(k, _ interface{}) bool {
		return true
	})
	// what comes after the promotion is in dirty alone
	for i := 0; i < 100; i++ {
		k := &connection{}
		fresh.Store(k, i)
		fresh.Delete(k)
	}
	truth.Stale["promoted"], truth.Entries["promoted"] = 2000, 3000
	truth.Stale["amended"], truth.Entries["amended"] = 1500, 3000
	truth.Stale["fresh"] = 0
	pairs := make([]*pair, 1000)
	for i := range pairs {
		pairs[i] = &pair{}
		paired.Store(&pairs[i].left, i)
		paired.Store(&pairs[i].right, i)
		nils.Store(i, nil)
	}
	promote(&paired)
	promote(&nils)
	for i := range pairs {
		paired.Delete(&pairs[i].left)
	}
	truth.Stale["paired"], truth.Entries["paired"] = 1000, 2000
	truth.Stale["nils"] = 0
	for i := 0; i < 5000; i++ {
		named.Store(fmt.Sprintf("a longer name of number %d", i), i)
	}
	promote(&named)
	for i := 50; i < 5000; i++ {
		named.Delete(fmt.Sprintf("a longer name of number %d", i))
	}
	truth.Stale["named"], truth.Entries["named"] = 4950, 5000
}

var server, serverEnds = context.WithCancel(context.Background())
var idle, idleEnds = context.WithCancel(context.Background())
var cancels []context.CancelFunc

//go:noinline
func serve() {
	for i := 0; i < 2000; i++ {
		ctx, cancel := context.WithCancel(context.WithValue(server, i, connections(1)[0]))
		if i%4 == 0 {
			cancel()
		} else if i%4 == 1 {
			cancels = append(cancels, cancel)
		}
		_ = ctx
	}
	truth.Children["server"], truth.Children["limited"] = 1500, 400
	truth.Left["server"], truth.Left["limited"] = 1000, 400
	for i := 0; i < 3; i++ {
		_, cancel := context.WithCancel(idle)
		cancels = append(cancels, cancel)
	}
}

type job struct {
	name string
	from *connection
}

var backlog = make(chan job, 1000)
var drained = make(chan *connection, 1000)
var small = make(chan *connection, 10)
var numbers = make(chan int, 1000)
var waited = make(chan *connection, 64)

func fillChannels() {
	for i := 0; i < 1000; i++ {
		backlog <- job{fmt.Sprint("job ", i), connections(1)[0]}
		drained <- connections(1)[0]
	}
	for i := 0; i < 100; i++ {
		<-backlog
	}
	for i := 0; i < 50; i++ {
		backlog <- job{"later", nil}
	}
	for i := 0; i < 1000; i++ {
		<-drained
		numbers <- i
	}
	for i := 0; i < 10; i++ {
		small <- connections(1)[0]
	}
	var begun sync.WaitGroup
	for i := 0; i < 64+7; i++ {
		if i < 64 {
			waited <- connections(1)[0]
			continue
		}
		begun.Add(1)
		go func() {
			begun.Done()
			waited <- connections(1)[0]
		}()
	}
	begun.Wait()
	for i := 0; i < 100; i++ {
		runtime.Gosched()
	}
	go work(make(chan bool))
	for i := 0; i < 257; i++ {
		busy <- connections(1)[0]
	}
	truth.Queued["busy"] = 256
	truth.Queued["backlog"], truth.Queued["waited"] = 950, 64
}

func main() {
	fillMaps()
	serve()
	limit()
	overwrite()
	fillChannels()
	runtime.GC()
	runtime.GC()
	truth.Version = runtime.Version()
	line, err := json.Marshal(truth)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
	wait := make(chan os.Signal, 1)
	signal.Notify(wait, syscall.SIGTERM)
	<-wait
	serverEnds()
	idleEnds()
	limitedEnds()
}
