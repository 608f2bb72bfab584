// A singly linked list behind a global pointer: an undo history without an end. Three quarters
// of a million objects deep, so whoever walks it by recursion falls over.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type edit struct {
	document string
	offset   int
	before   string
	next     *edit
}

var history *edit

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(750000)
	for i := 0; i < n; i++ {
		history = &edit{"report.txt", i, "paragraph number " + strconv.Itoa(1000000+i), history}
	}
	truth.Tell(&truth.Report{
		Holder:     "main.history",
		HolderKind: "global",
		Objects:    2 * int64(n),
		Types:      []truth.Count{{Type: "main.edit", N: n}},
	})
}
