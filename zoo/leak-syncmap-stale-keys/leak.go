package main

import (
	"strconv"
	"sync"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

type connection struct {
	peer     string
	opened   time.Time
	inbound  []byte
	outbound []byte
}

type state struct {
	user  string
	phase int
}

type hub struct {
	name   string
	active sync.Map // *connection → *state
	served int
}

var edge = &hub{name: "edge-1"}

func open(n int) *connection {
	return &connection{ordinary.Mail(uint64(n)), time.Now(), make([]byte, 12<<10), make([]byte, 4<<10)}
}

func (h *hub) accept(n int) *connection {
	c := open(n)
	h.active.Store(c, &state{ordinary.Name(uint64(n)), 1})
	return c
}

func (h *hub) close(c *connection) {
	h.active.Delete(c)
	h.served++
}

// report is what promotes: it runs every minute.
func (h *hub) report() (open int) {
	h.active.Range(func(key, value interface{}) bool {
		open++
		return true
	})
	return open
}

func serve(oneMore bool) truth.Leak {
	n := truth.Scaled(3200)
	for i := 0; i < 20; i++ {
		edge.accept(n + i)
	}
	bytes := truth.Grew(func() {
		var open []*connection
		for i := 0; i < n; i++ {
			open = append(open, edge.accept(i))
		}
		edge.report()
		if oneMore {
			// Makes a new dirty map, with all keys in it once more.
			edge.accept(n + 20)
		}
		for _, c := range open {
			edge.close(c)
		}
	})
	return stale("main.edge", n, bytes)
}

func stale(holder string, n int, bytes int64) truth.Leak {
	if !keepsDeletedKeys {
		return truth.Leak{Holder: holder}
	}
	return truth.Leak{Holder: holder, Count: int64(n), Bytes: bytes}
}

func serveConnections() truth.Leak {
	return serve(false)
}

func serveAndAcceptOne() truth.Leak {
	return serve(true)
}

func replaceConnections() {
	replace(&edge.active)
}

// replace makes the map anew from what is in it.
func replace(m *sync.Map) {
	kept := map[interface{}]interface{}{}
	m.Range(func(key, value interface{}) bool {
		kept[key] = value
		return true
	})
	*m = sync.Map{}
	for key, value := range kept {
		m.Store(key, value)
	}
}

// A key by value: the map puts each into an object of its own.
type document struct {
	tenant string
	source [8176]byte
}

type page struct {
	html string
	made time.Time
}

var rendered sync.Map // document → *page

func render(n int) document {
	d := document{tenant: "tenant-" + strconv.Itoa(n%50)}
	copy(d.source[:], "<article>"+strconv.Itoa(n)+"</article>")
	rendered.Store(d, &page{html: strconv.Itoa(n), made: time.Now()})
	return d
}

func renderDocuments() truth.Leak {
	n := truth.Scaled(6000)
	for i := 0; i < 20; i++ {
		render(n + i)
	}
	bytes := truth.Grew(func() {
		var done []document
		for i := 0; i < n; i++ {
			done = append(done, render(i))
		}
		rendered.Range(func(key, value interface{}) bool { return true })
		for i := range done {
			rendered.Delete(done[i])
		}
	})
	return stale("main.rendered", n, bytes)
}

func replaceRendered() {
	replace(&rendered)
}
