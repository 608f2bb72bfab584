// Package truth lets a program of the zoo tell what it knows of its own memory: one line of JSON
// on standard output, exact at every moment after it was written.
//
// A program calls Begin, builds what it is about, and ends with Tell. Nothing may allocate after
// the statistics were read: the line is formatted into a buffer that was made before, by code
// that ran once before, and written with a plain system call. The garbage collector is off
// (but for the collections that this package forces), so that none comes later.
//
// On SIGUSR1 the line is printed again with fresh statistics and without a collection. Programs that
// are about a leak call Show instead of Begin and Tell.
package truth

import (
	"flag"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// Count is the number of live objects that are exactly one value of a type.
type Count struct {
	Type string
	N    int
}

// Fact is a further number that a program knows.
type Fact struct {
	Key   string
	Value int64
}

// Report is what only the program can know; Tell adds the statistics.
type Report struct {
	// Holder is the global variable ("main.sessions") or function ("main.aggregate") behind
	// which the memory is; "" where there is no single one.
	Holder string
	// HolderKind is global, goroutine, timer, or none.
	HolderKind string
	// Objects is the number of objects that the holder retains; 0 stands for the growth of
	// MemStats.HeapObjects since Begin.
	Objects int64
	Types   []Count
	Facts   []Fact
	// Others are variables that hold a part of it too.
	Others []string
	// Unsettled leaves out the last collections, for what would not outlive them.
	Unsettled bool
	// Quick makes do with one collection, for heaps that take seconds to collect.
	Quick bool
	// Case and Form are what Show shows, Leaks what the program leaks.
	Case, Form string
	Healthy    bool
	Leaks      []Leak
	// Mend cuts all leaks, Grow lets the one grow by a fifth; nil where there is nothing to do.
	Mend   func()
	Grow   func() int64
	mended bool
	grown  int64
}

var (
	scale     = flag.Float64("scale", 1, "multiply the size of what is held by `N`")
	begun     bool
	collected bool
	before    runtime.MemStats
	now       runtime.MemStats
	told      *Report
	line      = make([]byte, 0, 64<<10)
	signals   = make(chan os.Signal, 1)
)

// Prepare reads the arguments. It is for programs that keep the collector's ordinary behaviour;
// the others call Begin.
func Prepare() {
	flag.Parse()
	// Also keeps the runtime from taking a program with nothing left to do for a deadlock.
	signal.Notify(signals, syscall.SIGUSR1)
	go repeat()
	startThreads(runtime.GOMAXPROCS(0) + 4)
}

// startThreads makes the runtime start threads and keep them: one that it needed only after the
// line was told would allocate.
func startThreads(n int) {
	started, done := make(chan bool), make(chan bool)
	for i := 0; i < n; i++ {
		go func() {
			runtime.LockOSThread()
			started <- true
			<-done
			runtime.UnlockOSThread()
		}()
	}
	for i := 0; i < n; i++ {
		<-started
	}
	close(done)
}

// Begin is Prepare, and turns the collector off and reads the statistics against which Tell
// measures. What a program makes before Begin does not count as retained by its holder.
func Begin() {
	Prepare()
	debug.SetGCPercent(-1)
	collected = true
	time.Sleep(10 * time.Millisecond)
	Settle()
	runtime.ReadMemStats(&before)
	begun = true
}

// Scaled is n multiplied by the argument -scale, and at least 1.
func Scaled(n int) int {
	n = int(float64(n) * *scale)
	if n < 1 {
		n = 1
	}
	return n
}

// Settle collects all garbage: the second round frees what finalizers and the victim caches of
// sync.Pool kept in the first. The short sleep lets finalizers run.
func Settle() {
	for i := 0; i < 3; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

// Live is the size of the live heap in bytes, after collections.
func Live() int64 {
	Settle()
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc)
}

// Tell prints the line and blocks for ever; other goroutines go on.
func Tell(r *Report) {
	told = r
	listen(r)
	// Let goroutines that were started last reach the place where they block.
	time.Sleep(20 * time.Millisecond)
	if !r.Unsettled && !r.Quick {
		Settle()
		runtime.GC()
	}
	runtime.ReadMemStats(&now)
	line = appendLine(line[:0])
	write(line[:0])
	switch {
	case r.Unsettled:
	case collected:
		// Leaves next to nothing for the scavenger to release later.
		debug.FreeOSMemory()
	default:
		runtime.GC()
	}
	// The collector's work buffers are freed in the background.
	time.Sleep(5 * time.Millisecond)
	publish()
	select {}
}

// repeat answers SIGUSR1, and what listen adds to it. It waits from the beginning, so that its waiting
// allocates nothing after the line was told.
func repeat() {
	for s := range signals {
		if told != nil {
			obey(s)
			publish()
		}
	}
}

func publish() {
	runtime.ReadMemStats(&now)
	line = appendLine(line[:0])
	write(line)
}

func write(b []byte) {
	for {
		n, err := syscall.Write(1, b)
		if err == syscall.EINTR || err == syscall.EAGAIN {
			continue
		}
		if err != nil || n >= len(b) {
			return
		}
		b = b[n:]
	}
}

func appendLine(b []byte) []byte {
	r := told
	b = append(b, `{"ready":true`...)
	b = appendNumber(b, "pid", int64(os.Getpid()))
	b = appendText(b, "go_version", runtime.Version())
	b = appendText(b, "holder", r.Holder)
	b = appendText(b, "holder_kind", r.HolderKind)
	if begun {
		objects := r.Objects
		if objects == 0 {
			objects = int64(now.HeapObjects) - int64(before.HeapObjects)
		}
		b = appendNumber(b, "retained_bytes", int64(now.HeapAlloc)-int64(before.HeapAlloc))
		b = appendNumber(b, "objects", objects)
	}
	b = appendNumber(b, "heap_alloc", int64(now.HeapAlloc))
	b = appendNumber(b, "heap_objects", int64(now.HeapObjects))
	b = appendNumber(b, "heap_inuse", int64(now.HeapInuse))
	b = appendNumber(b, "heap_idle", int64(now.HeapIdle))
	b = appendNumber(b, "heap_released", int64(now.HeapReleased))
	b = appendNumber(b, "heap_sys", int64(now.HeapSys))
	b = appendNumber(b, "stack_inuse", int64(now.StackInuse))
	b = appendNumber(b, "heap_and_stacks", int64(now.HeapAlloc+now.StackInuse))
	b = appendNumber(b, "mspan_inuse", int64(now.MSpanInuse))
	b = appendNumber(b, "sys", int64(now.Sys))
	b = appendNumber(b, "mallocs", int64(now.Mallocs))
	b = appendNumber(b, "frees", int64(now.Frees))
	b = appendNumber(b, "num_gc", int64(now.NumGC))
	b = appendNumber(b, "num_goroutine", int64(runtime.NumGoroutine()))
	b = appendNumber(b, "gomaxprocs", int64(runtime.GOMAXPROCS(0)))
	if len(r.Others) > 0 {
		b = appendOthers(b, r.Others)
	}
	for i := range r.Facts {
		b = appendNumber(b, r.Facts[i].Key, r.Facts[i].Value)
	}
	if r.Case != "" || len(r.Leaks) > 0 {
		b = appendLeaks(b, r)
	}
	b = append(b, `,"types":{`...)
	for i := range r.Types {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, r.Types[i].Type)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(r.Types[i].N), 10)
	}
	return append(b, "}}\n"...)
}

func appendNumber(b []byte, key string, value int64) []byte {
	b = append(b, ',')
	b = strconv.AppendQuote(b, key)
	b = append(b, ':')
	return strconv.AppendInt(b, value, 10)
}

func appendText(b []byte, key, value string) []byte {
	b = append(b, ',')
	b = strconv.AppendQuote(b, key)
	b = append(b, ':')
	return strconv.AppendQuote(b, value)
}
