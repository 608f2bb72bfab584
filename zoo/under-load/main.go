// A service under load that judges what is done to it: an HTTP server with its own clients, which
// keep their connections, timers, signals, child processes, sockets that are closed, memory with
// checksums, and with cgo threads of C. A request that fails, a signal or a SIGCHLD too few or too
// many, a child or an end of file that is not seen, a byte that is wrong: it ends with status 3 and a
// sentence on standard error.
//
// A thread that wakes each millisecond watches the clock: "gap_us" is the longest time between two
// of its ticks since the last line, so how long the program stood still at worst. SIGUSR1 prints a
// line with what was done so far.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var (
	clients = flag.Int("clients", 3, "`N` clients")
	keepMiB = flag.Int("heap", 32, "keep about `MiB` alive")
	rest    = flag.Duration("rest", 3*time.Millisecond, "rest so long after a piece of work")

	requests, connections, fired, signals, children, died, ends, checks, calls uint64

	ticks     uint64
	recentGap int64
)

// harmed ends the program: something was done to it.
func harmed(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "under-load: "+format+"\n", args...)
	os.Exit(3)
}

func count(what *uint64) {
	atomic.AddUint64(what, 1)
}

// watchClock keeps a thread for itself; a raw call keeps Go's scheduler out of it.
func watchClock() {
	runtime.LockOSThread()
	// On a machine with much else to do this keeps the clock right, where it is allowed.
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, -20)
	nap := syscall.Timespec{Nsec: int64(time.Millisecond)}
	last := time.Now()
	for {
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&nap)), 0, 0)
		now := time.Now()
		if gap := int64(now.Sub(last)); gap > atomic.LoadInt64(&recentGap) {
			atomic.StoreInt64(&recentGap, gap)
		}
		last = now
		count(&ticks)
	}
}

func printLine() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("{\"ready\":true,\"pid\":%d,\"go_version\":%q,\"requests\":%d,\"connections\":%d,\"timers\":%d,"+
		"\"signals\":%d,\"children\":%d,\"sigchld\":%d,\"ends\":%d,\"checks\":%d,\"cgo_calls\":%d,\"ticks\":%d,"+
		"\"gap_us\":%d,\"num_gc\":%d,\"num_goroutine\":%d,\"heap_alloc\":%d}\n",
		os.Getpid(), runtime.Version(), atomic.LoadUint64(&requests), atomic.LoadUint64(&connections),
		atomic.LoadUint64(&fired), atomic.LoadUint64(&signals), atomic.LoadUint64(&children),
		atomic.LoadUint64(&died), atomic.LoadUint64(&ends), atomic.LoadUint64(&checks),
		atomic.LoadUint64(&calls), atomic.LoadUint64(&ticks), atomic.SwapInt64(&recentGap, 0)/1000,
		m.NumGC, runtime.NumGoroutine(), m.HeapAlloc)
}

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // for watchClock
	asked := make(chan os.Signal, 64)
	signal.Notify(asked, syscall.SIGUSR1)
	deaths := make(chan os.Signal, 1024)
	signal.Notify(deaths, syscall.SIGCHLD)
	go func() {
		for range deaths {
			count(&died)
		}
	}()

	filled := make(chan bool)
	go keepMemory(*keepMiB<<20, filled)
	<-filled
	address := serve()
	for i := 0; i < *clients; i++ {
		go request(address, uint64(i))
	}
	go setTimers()
	go sendSignals()
	go runChildren()
	go closeSockets()
	for i := 0; i < 2; i++ {
		go useC(i)
	}
	go watchClock()
	for atomic.LoadUint64(&requests) < 20 || atomic.LoadUint64(&children) < 1 || atomic.LoadUint64(&ends) < 1 {
		time.Sleep(time.Millisecond)
	}
	printLine()
	for range asked {
		printLine()
	}
}
