// A global slice of slices: time series whose points have no pointers at all, of all sizes from
// a few bytes to large objects. Some have room that they do not use.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

type point struct {
	when  int64
	value float64
}

var series [][]point

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(7000)
	var dice ordinary.Dice
	points := 0
	for i := 0; i < n; i++ {
		length := 1 + dice.Below(600)
		if i%100 == 0 {
			length = 6000 // 96,000 bytes
		}
		s := make([]point, length, length+length/4)
		for j := range s {
			s[j] = point{int64(j), float64(i)}
		}
		points += length
		series = append(series, s)
	}
	truth.Tell(&truth.Report{
		Holder:     "main.series",
		HolderKind: "global",
		Facts:      []truth.Fact{{Key: "points", Value: int64(points)}, {Key: "slices", Value: int64(n)}},
	})
}
