// What nothing but the runtime's lists of things to be called keeps alive.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

const (
	itemBytes = 16 << 10
	ringItems = 50
	items     = 200
)

// Two rings that point to each other: their finalizers never run, and they are never freed.
type ring struct {
	other *ring
	data  []byte
}

// item waits for a finalizer that never comes to its turn.
type item struct{ data []byte }

func newRings() {
	a, b := &ring{data: make([]byte, itemBytes)}, &ring{data: make([]byte, itemBytes)}
	a.other, b.other = b, a
	runtime.SetFinalizer(a, finalizeRing)
	runtime.SetFinalizer(b, finalizeRing)
}

func newItem() {
	runtime.SetFinalizer(&item{data: make([]byte, itemBytes)}, finalizeItem)
}

func finalizeRing(*ring) {}

func finalizeItem(*item) { select {} }

func main() {
	for i := 0; i < ringItems/2; i++ {
		newRings()
	}
	for i := 0; i < items; i++ {
		newItem()
	}
	addCleanups()
	for i := 0; i < 3; i++ {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Printf("{\"ready\":true,\"pid\":%d}\n", os.Getpid())
	for {
		time.Sleep(time.Hour)
	}
}
