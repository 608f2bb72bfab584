package main

import (
	"runtime"

	"zoo/ordinary"
)

// finalized has a finalizer and is alive.
type finalized struct {
	name string
	cell *cell
}

// queued was unreachable when a collection found it, and waits for its finalizer to run. Until
// then it is alive, and all that it points to.
type queued struct {
	number int
	cell   *cell
	text   string
}

// blocker's finalizer never returns, so that those of queued never run.
type blocker struct {
	name string
	cell *cell
}

var (
	withFinalizers []*finalized
	finalizing     = make(chan bool)
	finalizedNone  int
)

func makeSpecials() {
	for i := 0; i < 20; i++ {
		f := &finalized{ordinary.Mail(uint64(i)), newCell()}
		// Only the finalizer holds what its closure captured.
		captured := newCell()
		runtime.SetFinalizer(f, func(f *finalized) { finalizedNone += int(captured.value) })
		withFinalizers = append(withFinalizers, f)
	}
	made("finalized", 20)

	dropBlocker()
	runtime.GC()
	<-finalizing
	dropQueued()
	runtime.GC()
	made("queued", 50)
	made("blocker", 1)
}

//go:noinline
func dropBlocker() {
	b := &blocker{ordinary.Mail(50), newCell()}
	runtime.SetFinalizer(b, func(b *blocker) {
		finalizing <- true
		<-never
		outcome += b.cell.value
	})
}

//go:noinline
func dropQueued() {
	for i := 0; i < 50; i++ {
		q := &queued{i, newCell(), ordinary.Mail(uint64(i))}
		runtime.SetFinalizer(q, func(q *queued) { finalizedNone++ })
	}
}
