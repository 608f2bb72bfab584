// Values of as many kinds of types as the language has, each behind a global variable of its own,
// and objects of every size class, with and without pointers. No one holds most of it; what
// matters is that every object is found, that every pointer is followed and nothing else is, and
// that counts by type are exact.
//
//	kinds.go    globals of each kind of type
//	sizes.go    objects of all sizes, and layouts that need care
//	waiting.go  goroutines in each state of waiting
//	specials.go finalizers; newer_go124.go: weak pointers and cleanups
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

// counts collects what the files of this program made.
var counts []truth.Count

// made says that n more objects of a type of this program are alive.
func made(name string, n int) {
	for i := range counts {
		if counts[i].Type == "main."+name {
			counts[i].N += n
			return
		}
	}
	counts = append(counts, truth.Count{Type: "main." + name, N: n})
}

// newer is set by the files for newer versions of Go.
var newer []func()

func main() {
	ordinary.Load()
	counts = make([]truth.Count, 0, 100)
	truth.Begin()
	makeKinds()
	makeSizes()
	makeWaiting()
	makeSpecials()
	for _, f := range newer {
		f()
	}
	made("cell", cells)
	truth.Tell(&truth.Report{HolderKind: "none", Types: counts})
}
