// A list of the standard library: doubly linked elements, each with a pointer back to the list,
// and the values behind interfaces.
package main

import (
	"container/list"
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type visit struct {
	url     string
	agent   string
	referer *visit
	seconds int32
}

var recent = list.New()

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(360000)
	var latest *visit
	for i := 0; i < n; i++ {
		v := &visit{url: "/shelf/" + strconv.Itoa(i) + "?page=" + strconv.Itoa(i%9), agent: ordinary.Name(uint64(i))}
		if i%10 != 0 {
			v.referer = latest
		}
		latest = v
		recent.PushBack(v)
	}
	truth.Tell(&truth.Report{
		Holder:     "main.recent",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.visit", N: n}, {Type: "container/list.Element", N: n}},
	})
}
