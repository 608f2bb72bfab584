// A sync.Pool full of buffers. Each collection moves what is in a pool to its victim cache and
// the next one drops it, so the pool is filled after the last collection and none may follow.
package main

import (
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

type buffer struct {
	owner string
	data  []byte
	next  []byte
}

var buffers sync.Pool

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(1500)
	for i := 0; i < n; i++ {
		buffers.Put(&buffer{"uploads", make([]byte, 32<<10), make([]byte, 2000+i)})
	}
	truth.Tell(&truth.Report{
		Holder:     "main.buffers",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.buffer", N: n}},
		Unsettled:  true,
	})
}
