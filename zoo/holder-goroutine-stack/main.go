// The local variables of one goroutine hold it all while it waits on a channel. Nothing global
// leads there. The slice and the map are found by the frame's own pointer map; the window lies on
// the stack as an object whose address was taken.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type reading struct {
	sensor string
	values []float64
	place  *place
}

type place struct {
	name string
	x, y float64
}

type window struct {
	from, to int64
	latest   []*reading
}

// add is not inlined, so that the window's address is taken.
//
//go:noinline
func (w *window) add(r *reading) {
	w.to++
	w.latest = append(w.latest, r)
}

//go:noinline
func (w *window) sum() (total int) {
	for _, r := range w.latest {
		total += len(r.values)
	}
	return total
}

var (
	flush = make(chan bool)
	total = make(chan int, 1)
)

//go:noinline
func read(n int) *reading {
	return &reading{"sensor-" + strconv.Itoa(n), make([]float64, 20+n%20), &place{name: ordinary.Name(uint64(n))}}
}

//go:noinline
func aggregate(n int, filled chan<- bool) {
	var batch []*reading
	var w window
	bySensor := map[string]*reading{}
	for i := 0; i < n; i++ {
		r := read(i)
		switch i % 3 {
		case 0:
			batch = append(batch, r)
		case 1:
			w.add(r)
		default:
			bySensor[r.sensor] = r
		}
	}
	filled <- true
	<-flush
	// A slice of which only the length is used later would not be kept.
	values := w.sum()
	for _, r := range batch {
		values += len(r.values)
	}
	total <- values + len(bySensor)
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(150000)
	filled := make(chan bool)
	go aggregate(n, filled)
	<-filled
	truth.Tell(&truth.Report{
		Holder:     "main.aggregate",
		HolderKind: "goroutine",
		Types:      []truth.Count{{Type: "main.reading", N: n}, {Type: "main.place", N: n}},
	})
}
