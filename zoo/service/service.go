// Package service is the memory of a large service in which nothing leaks: caches at their bounds,
// indexes, queues, buffers in use. 500 MiB of it at scale 1.
package service

import (
	"container/list"
	"strconv"
	"sync"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

// Product is what the service is about.
type Product struct {
	Number      uint32
	Name        string
	Description string
	Price       int64
	Tags        []string
	Changed     time.Time
}

var (
	products = map[uint32]*Product{}
	byTag    = map[string][]*Product{}
	ordered  []*Product // by price
	pages    = newCache(100000)
	inbox    ring
	readings columns
	sessions sync.Map // uint64 → *session
	updates  = make(chan *Product, 1024)
	buffers  = sync.Pool{New: func() interface{} { return make([]byte, 0, 4<<10) }}
)

// Load makes all of it.
func Load() {
	loadProducts(truth.Scaled(520000))
	loadPages(truth.Scaled(70000))
	loadInbox(truth.Scaled(150000))
	loadReadings(truth.Scaled(4500000))
	loadSessions(truth.Scaled(220000))
	for i := 0; i < 100; i++ {
		updates <- products[uint32(i%len(products))]
	}
}

func loadProducts(n int) {
	dice := ordinary.Dice(1)
	ordered = make([]*Product, 0, n)
	for i := 0; i < n; i++ {
		p := &Product{
			Number:      uint32(i),
			Name:        ordinary.Name(uint64(i)),
			Description: "As sold by " + ordinary.Name(uint64(i)*3) + " since " + strconv.Itoa(1900+i%120),
			Price:       int64(dice.Below(100000)),
			Tags:        []string{"tag-" + strconv.Itoa(dice.Below(1000)), "all"},
		}
		products[p.Number] = p
		byTag[p.Tags[0]] = append(byTag[p.Tags[0]], p)
		ordered = append(ordered, p)
	}
}

// cache keeps the pages that were asked for last.
type cache struct {
	mu     sync.Mutex
	room   int
	order  *list.List
	lookup map[string]*list.Element
}

type page struct {
	path string
	html []byte
}

func newCache(room int) *cache {
	return &cache{room: room, order: list.New(), lookup: map[string]*list.Element{}}
}

func (c *cache) put(p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookup[p.path] = c.order.PushFront(p)
	for c.order.Len() > c.room {
		delete(c.lookup, c.order.Remove(c.order.Back()).(*page).path)
	}
}

func loadPages(n int) {
	pages.room = n
	for i := 0; i < n+n/4; i++ {
		b := buffers.Get().([]byte)
		b = append(b[:0], "<h1>"+ordinary.Name(uint64(i))+"</h1>"...)
		pages.put(&page{"/products/" + strconv.Itoa(i), append(make([]byte, 0, 2000), make([]byte, 1990)...)})
		pages.order.Front().Value.(*page).html[0] = b[0]
		buffers.Put(b)
	}
}

// ring is a queue that was made for the busiest hour and is two thirds full.
type ring struct {
	slots       []message
	first, held int
}

type message struct {
	to   string
	body []byte
	at   int64
}

func (r *ring) push(m message) {
	r.slots[(r.first+r.held)%len(r.slots)] = m
	r.held++
}

func (r *ring) pop() message {
	m := r.slots[r.first]
	r.slots[r.first] = message{}
	r.first = (r.first + 1) % len(r.slots)
	r.held--
	return m
}

func loadInbox(n int) {
	inbox.slots = make([]message, n+n/2)
	for i := 0; i < n*2; i++ {
		if inbox.held == n {
			inbox.pop()
		}
		inbox.push(message{ordinary.Mail(uint64(i)), make([]byte, 100+i%700), int64(i)})
	}
}

// columns are a table of measurements.
type columns struct {
	at     []int64
	value  []float64
	sensor []uint32
}

func loadReadings(n int) {
	readings = columns{make([]int64, n), make([]float64, n), make([]uint32, n)}
	for i := range readings.at {
		readings.at[i], readings.value[i], readings.sensor[i] = int64(i), float64(i), uint32(i%500)
	}
}

type session struct {
	user  string
	token [32]byte
	cart  []uint32
}

func loadSessions(n int) {
	for i := 0; i < n; i++ {
		s := &session{user: ordinary.Mail(uint64(i)), cart: make([]uint32, 1+i%20)}
		s.token[0] = byte(i)
		sessions.Store(uint64(i), s)
	}
	// Some log in and out, and now and then somebody counts them all.
	for i := 0; i < n/20; i++ {
		sessions.Delete(uint64(i))
		sessions.Store(uint64(n+i), &session{user: ordinary.Mail(uint64(i))})
	}
	for round := 0; round < 2; round++ {
		sessions.Range(func(key, value interface{}) bool { return true })
		sessions.Store(uint64(2*n+round), &session{})
	}
}
