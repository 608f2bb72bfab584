//go:build go1.21
// +build go1.21

package main

import (
	"runtime"
	"slices"
)

func init() {
	newer = append(newer, clears, deletes, clones)
}

func clears() {
	before := heap()
	m := map[int][8]int{}
	for i := 0; i < entries; i++ {
		m[i] = [8]int{}
	}
	full := heap() - before
	clear(m)
	say("cleared-map-keeps-table", heap()-before > full*9/10 && len(m) == 0)
	runtime.KeepAlive(m)
}

func deletes() {
	var gone bool
	s := []*thing{new(thing), watched(&gone)}
	s = slices.Delete(s, 1, 2)
	collect()
	say("slices-delete-frees", gone)
	runtime.KeepAlive(s)
}

//go:noinline
func cloneOfNothing(gone *bool) []byte {
	t := watched(gone)
	return slices.Clone(t.room[8:8])
}

func clones() {
	var gone bool
	c := cloneOfNothing(&gone)
	collect()
	say("empty-clone-frees", gone)
	runtime.KeepAlive(c)
}
