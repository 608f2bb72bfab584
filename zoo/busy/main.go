// A program that never rests, for reading it while it runs and for stopping it in the middle of
// anything: it allocates and drops lists, trees and maps so that the collector is nearly always
// at work, starts goroutines that grow their stacks, sends over channels, pipes and sockets, and
// sets and stops timers, on all processors. Everything carries checksums; what is damaged ends the
// program with status 3 and a sentence on standard error.
//
// A thread that wakes each millisecond watches the clock: its largest gap is how long the program
// stood still at worst; a ticker of the runtime does the same ("ticker_gap_us"). SIGUSR1 prints a
// line with the statistics and starts the gaps anew. SIGCHLD is counted: a tool that forks this
// process must not let it know.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var (
	seconds = flag.Float64("seconds", 0, "end after `N` seconds with status 0 (0: run for ever)")
	keepMiB = flag.Int("heap", 64, "keep about `MiB` alive")
	workers = flag.Int("workers", 2, "workers of each kind")
	rest    = flag.Duration("rest", 4*time.Millisecond, "rest so long after a piece of work; "+
		"0 works without a rest, and the clock's gaps are then the program's own")

	filling sync.WaitGroup // until what is kept is there

	checks   uint64
	children uint64
	thread   stillness
	ticker   stillness
)

// corrupt ends the program: memory is not what was written to it.
func corrupt(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "busy: corrupt: "+format+"\n", args...)
	os.Exit(3)
}

func checked() {
	atomic.AddUint64(&checks, 1)
}

// pause comes after each piece of work, so that the clock is not late by the work's own doing.
func pause() {
	if *rest > 0 {
		time.Sleep(*rest)
	}
}

// stillness is the longest time between two ticks of a clock, in nanoseconds.
type stillness struct {
	ticks   uint64
	recent  int64 // since the last SIGUSR1
	largest int64
}

func (s *stillness) tick(took time.Duration) {
	atomic.AddUint64(&s.ticks, 1)
	if int64(took) > atomic.LoadInt64(&s.recent) {
		atomic.StoreInt64(&s.recent, int64(took))
	}
	if int64(took) > atomic.LoadInt64(&s.largest) {
		atomic.StoreInt64(&s.largest, int64(took))
	}
}

// watchClock keeps a thread and a processor of Go's scheduler for itself, so that it is late only
// when the kernel or somebody outside makes it so.
func watchClock(clock *stillness) {
	runtime.LockOSThread()
	// On a machine with much else to do this keeps the clock right, where it is allowed.
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, -20)
	nap := syscall.Timespec{Nsec: int64(time.Millisecond)}
	last := time.Now()
	for {
		// Raw: a plain call would give the processor up, and wait for one afterwards.
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&nap)), 0, 0)
		now := time.Now()
		clock.tick(now.Sub(last))
		last = now
	}
}

// watchTicker sees the runtime's timers, late by what else is to be run.
func watchTicker(clock *stillness) {
	last := time.Now()
	for now := range time.NewTicker(time.Millisecond).C {
		clock.tick(now.Sub(last))
		last = now
	}
}

func countChildren(signals <-chan os.Signal) {
	for range signals {
		atomic.AddUint64(&children, 1)
	}
}

func printLine(started time.Time) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("{\"ready\":true,\"pid\":%d,\"go_version\":%q,\"seconds\":%.3f,\"checks\":%d,\"ticks\":%d,"+
		"\"gap_us\":%d,\"largest_gap_us\":%d,\"ticker_gap_us\":%d,\"sigchld\":%d,\"num_gc\":%d,\"num_goroutine\":%d,"+
		"\"heap_alloc\":%d,\"heap_inuse\":%d}\n",
		os.Getpid(), runtime.Version(), time.Since(started).Seconds(), atomic.LoadUint64(&checks),
		atomic.LoadUint64(&thread.ticks), atomic.SwapInt64(&thread.recent, 0)/1000,
		atomic.LoadInt64(&thread.largest)/1000, atomic.SwapInt64(&ticker.recent, 0)/1000,
		atomic.LoadUint64(&children), m.NumGC, runtime.NumGoroutine(), m.HeapAlloc, m.HeapInuse)
}

func main() {
	flag.Parse()
	started := time.Now()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // for watchClock
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, syscall.SIGUSR1)
	died := make(chan os.Signal, 64)
	signal.Notify(died, syscall.SIGCHLD)
	go countChildren(died)

	keep := *keepMiB << 20 / *workers / 2
	filling.Add(2 * *workers)
	for i := 0; i < *workers; i++ {
		go churnLists(uint64(i), keep)
		go churnTrees(uint64(i), keep)
		go churnMaps(uint64(i))
		go relay(uint64(i))
		go deepen(uint64(i))
		go setTimers(uint64(i))
		go pipeBytes(uint64(i))
		go echo(uint64(i))
	}
	filling.Wait()
	go watchClock(&thread)
	go watchTicker(&ticker)

	var end <-chan time.Time
	if *seconds > 0 {
		end = time.After(time.Duration(*seconds * float64(time.Second)))
	}
	printLine(started)
	for {
		select {
		case <-asked:
			printLine(started)
		case <-end:
			printLine(started)
			os.Exit(0)
		}
	}
}
