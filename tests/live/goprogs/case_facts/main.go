// Tests what docs/cases says of Go's runtime and library: for each fact it prints a line
// "name true" or "name false". What a later version has is in the files for that version.
package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

type thing struct {
	next *thing
	room [4096]byte
}

// watched makes a thing that says when it was collected.
func watched(gone *bool) *thing {
	t := new(thing)
	runtime.SetFinalizer(t, func(*thing) { *gone = true })
	return t
}

func collect() {
	for i := 0; i < 3; i++ {
		runtime.GC()
		time.Sleep(5 * time.Millisecond) // finalizers run meanwhile
	}
}

func heap() uint64 {
	collect()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func say(name string, holds bool) {
	fmt.Println(name, holds)
}

const entries = 150000 // of no version's map in the middle of growing

// A map keeps its table when its entries go, and frees large values.
func tables() {
	before := heap()
	m := map[int][8]int{}
	for i := 0; i < entries; i++ {
		m[i] = [8]int{}
	}
	full := heap() - before
	for i := 0; i < entries; i++ {
		delete(m, i)
	}
	say("emptied-map-keeps-table", heap()-before > full*9/10 && len(m) == 0)
	runtime.KeepAlive(m)

	before = heap()
	large := map[int][17]int{} // 136 bytes
	for i := 0; i < entries; i++ {
		large[i] = [17]int{}
	}
	full = heap() - before
	for i := 0; i < entries; i++ {
		delete(large, i)
	}
	say("emptied-map-frees-large-values", heap()-before < full/2)
	runtime.KeepAlive(large)
}

//go:noinline
func storeAndDelete(m *sync.Map, promote bool, key, value *bool) {
	k := watched(key)
	m.Store(k, watched(value))
	if promote {
		m.Range(func(_, _ interface{}) bool { return true })
	}
	m.Delete(k)
}

func syncMaps() {
	var m, plain sync.Map
	var key, value, plainKey bool
	storeAndDelete(&m, true, &key, &value)
	storeAndDelete(&plain, false, &plainKey, new(bool))
	collect()
	say("deleted-key-stays", !key)
	say("deleted-value-is-freed", value)
	say("deleted-key-of-dirty-is-freed", plainKey)
	// The next map that becomes read has no stale keys.
	m.Store(1, 1)
	m.Range(func(_, _ interface{}) bool { return true })
	collect()
	say("promotion-frees-key", key)
	runtime.KeepAlive(&m)
	runtime.KeepAlive(&plain)
}

//go:noinline
func fillAndDrop(gone *bool) {
	c := make(chan *thing, 1)
	c <- watched(gone)
}

//go:noinline
func put(p *sync.Pool, gone *bool) {
	p.Put(watched(gone))
}

//go:noinline
func use(p *sync.Pool) bool {
	t, ok := p.Get().(*thing)
	if ok {
		p.Put(t)
	}
	return ok
}

func channelsAndPools() {
	var gone, idle, busy bool
	fillAndDrop(&gone)
	collect()
	say("forgotten-channel-is-freed", gone)

	runtime.GOMAXPROCS(1)
	var p sync.Pool
	put(&p, &idle)
	runtime.GC()
	time.Sleep(5 * time.Millisecond)
	stays := !idle
	collect()
	say("idle-pool-is-emptied-by-two-collections", stays && idle)
	put(&p, &busy)
	found := true
	for i := 0; i < 5; i++ {
		runtime.GC()
		found = use(&p) && found
	}
	time.Sleep(5 * time.Millisecond)
	say("used-pool-keeps", found && !busy)
	runtime.KeepAlive(&p)
}

//go:noinline
func forget(parent context.Context, gone *bool, deadline time.Duration) {
	child := context.WithValue(parent, gone, watched(gone))
	if deadline > 0 {
		c, cancel := context.WithTimeout(child, deadline)
		_, _ = c, cancel
		return
	}
	c, cancel := context.WithCancel(child)
	_, _ = c, cancel
}

func contexts() {
	parent, stop := context.WithCancel(context.Background())
	var rootless, kept, timed bool
	forget(context.Background(), &rootless, 0)
	forget(parent, &kept, 0)
	forget(parent, &timed, 20*time.Millisecond)
	collect()
	say("child-of-background-is-freed", rootless)
	time.Sleep(50 * time.Millisecond)
	collect()
	say("child-not-cancelled-stays", !kept)
	say("child-past-its-deadline-is-freed", timed)
	stop()
	collect()
	say("children-go-with-their-parent", kept)
	runtime.KeepAlive(parent)
}

//go:noinline
func cycle(gone *bool, pointsBack bool) {
	t := watched(gone)
	t.next = new(thing)
	if pointsBack {
		t.next.next = t
	}
}

//go:noinline
func queue(gone *bool) []*thing {
	q := []*thing{watched(gone), new(thing), new(thing)}
	return q[1:]
}

// Timers that nobody holds, as time.After leaves them behind.
func timers() {
	const count = 20000
	before := heap()
	for i := 0; i < count; i++ {
		time.After(time.Hour)
	}
	say("forgotten-timer-stays", heap()-before > count*100)
}

func finalizersAndSlices() {
	var turning, straight, hidden, popped bool
	cycle(&turning, true)
	cycle(&straight, false)
	q := queue(&hidden)
	stack := []*thing{new(thing), watched(&popped)}
	stack = append(stack[:1], stack[2:]...)
	collect()
	say("finalizer-in-a-cycle-never-runs", !turning)
	say("finalizer-without-a-cycle-runs", straight)
	say("slot-before-the-slice-holds", !hidden)
	say("slot-behind-the-slice-holds", !popped)
	q = append(q, new(thing), new(thing)) // a larger array
	collect()
	say("growth-frees-what-is-before", hidden)
	runtime.KeepAlive(q)
	runtime.KeepAlive(stack)
}

var newer []func()

func main() {
	tables()
	syncMaps()
	channelsAndPools()
	contexts()
	timers()
	finalizersAndSlices()
	for _, f := range newer {
		f()
	}
}
