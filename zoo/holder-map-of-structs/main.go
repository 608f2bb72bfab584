// A global map holds structs by value, with a struct as key: the records lie in the map's own
// buckets, only what they point to are objects of their own.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type position struct {
	shop  uint32
	order uint64
}

type order struct {
	customer string
	total    int64
	paid     bool
	skus     []uint32
	note     *note
}

type note struct {
	author string
	text   string
}

var orders = map[position]order{}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(290000)
	notes := 0
	for i := 0; i < n; i++ {
		o := order{
			customer: ordinary.Name(uint64(i)) + " " + strconv.Itoa(i),
			total:    int64(i) * 199,
			paid:     i%2 == 0,
			skus:     make([]uint32, 2+i%5),
		}
		if i%4 == 0 {
			o.note = &note{ordinary.Name(uint64(i) / 3), "please leave it at number " + strconv.Itoa(i)}
			notes++
		}
		orders[position{uint32(i % 31), uint64(i)}] = o
	}
	truth.Tell(&truth.Report{
		Holder:     "main.orders",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.note", N: notes}},
		Facts:      []truth.Fact{{Key: "map_entries", Value: int64(len(orders))}},
	})
}
