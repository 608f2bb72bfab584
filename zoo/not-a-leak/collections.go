package main

import (
	"container/list"
	"strconv"
	"strings"
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

type profile struct {
	user    string
	picture []byte
}

func newProfile(n int) *profile {
	return &profile{ordinary.Mail(uint64(n)), make([]byte, 1500)}
}

// A cache that drops an arbitrary entry for each that comes once it is full.
var profiles = map[string]*profile{}

func fillCache() {
	room := truth.Scaled(28000)
	for i := 0; i < room*2; i++ {
		if len(profiles) >= room {
			for old := range profiles {
				delete(profiles, old)
				break
			}
		}
		p := newProfile(i)
		profiles[p.user] = p
	}
}

type place struct {
	name                string
	latitude, longitude float32
	timezone            string
}

// Read once at the start, never changed.
var (
	places    []place
	placeOf   map[string]*place
	distances [][]float32
)

func loadTable() {
	n := truth.Scaled(200000)
	places = make([]place, n)
	placeOf = make(map[string]*place, n)
	for i := range places {
		places[i] = place{name: "place " + strconv.Itoa(i), timezone: "UTC", latitude: float32(i)}
		placeOf[places[i].name] = &places[i]
	}
	for i := 0; i < 1000; i++ {
		distances = append(distances, make([]float32, truth.Scaled(5000)))
	}
}

// Emptied and filled again at each cycle; now it is empty.
var seenThisMinute = map[uint64]int32{}

func emptyEachCycle() {
	for cycle := 0; cycle < 3; cycle++ {
		for i := 0; i < 3000; i++ {
			seenThisMinute[uint64(cycle*5000+i)]++
		}
		for key := range seenThisMinute {
			delete(seenThisMinute, key)
		}
	}
}

type lru struct {
	room   int
	order  *list.List
	lookup map[uint64]*list.Element
}

type thumbnail struct {
	photo uint64
	image []byte
}

var thumbnails = lru{order: list.New(), lookup: map[uint64]*list.Element{}}

func fillList() {
	thumbnails.room = truth.Scaled(12000)
	for i := 0; i < thumbnails.room*2; i++ {
		t := &thumbnail{uint64(i), make([]byte, 4000)}
		thumbnails.lookup[t.photo] = thumbnails.order.PushFront(t)
		if thumbnails.order.Len() > thumbnails.room {
			oldest := thumbnails.order.Remove(thumbnails.order.Back()).(*thumbnail)
			delete(thumbnails.lookup, oldest.photo)
		}
	}
}

type vertex struct {
	edges  []uint32
	weight float32
}

var graph = map[uint32]vertex{}

func fillMap() {
	n := truth.Scaled(500000)
	for i := 0; i < n; i++ {
		graph[uint32(i)] = vertex{make([]uint32, 1+i%8), 1}
	}
}

// The lines of one file are strings within it, and together they are all of it.
var rules []rule

type rule struct {
	pattern string
	target  string
}

func parseFile() {
	var b strings.Builder
	for i := 0; i < truth.Scaled(1000000); i++ {
		b.WriteString("/path/" + strconv.Itoa(i) + "/* => service-" + strconv.Itoa(i%300) + "\n")
	}
	text := string([]byte(b.String()))
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		at := strings.Index(line, " => ")
		rules = append(rules, rule{line[:at], line[at+4:]})
	}
	rules = append([]rule(nil), rules...)
}

// As many come as go, and somebody ranges over all of them each minute.
var online sync.Map // uint64 → *profile

func churnSyncMap() {
	n := truth.Scaled(25000)
	for i := 0; i < n*3; i++ {
		online.Store(uint64(i), newProfile(i))
		if i >= n {
			online.Delete(uint64(i - n))
		}
		if i%(n/8+1) == 0 {
			online.Range(func(key, value interface{}) bool { return true })
		}
	}
}

type point struct {
	at   int64
	tags map[string]string
	text string
}

// The last points, in a ring that is full.
type ring struct {
	points []*point
	next   int
}

var lastPoints ring

func turnRing() {
	n := truth.Scaled(60000)
	lastPoints.points = make([]*point, n)
	for i := 0; i < n*5/2; i++ {
		lastPoints.points[lastPoints.next] = &point{int64(i), map[string]string{"host": strconv.Itoa(i)}, ordinary.Name(uint64(i))}
		lastPoints.next = (lastPoints.next + 1) % n
	}
}
