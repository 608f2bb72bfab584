// Three leaks among 500 MiB of a service in which all else is well: jobs in the hidden slots of a
// queue, a channel that nobody reads, connections with finalizers that refer to each other. SIGUSR2
// mends all three.
package main

import (
	"runtime"
	"sync"
	"time"
	"unsafe"

	"zoo/ordinary"
	"zoo/service"
	"zoo/truth"
)

type job struct {
	owner  string
	result []byte
	failed bool
}

type scheduler struct {
	mu      sync.Mutex
	waiting []*job
}

var nightly scheduler

// retry keeps the jobs that failed and forgets the others.
func (s *scheduler) retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.waiting[:0]
	for _, j := range s.waiting {
		if j.failed {
			failed = append(failed, j)
		}
	}
	s.waiting = failed
}

func runJobs() truth.Leak {
	n := truth.Scaled(20000)
	nightly.waiting = make([]*job, 0, n+100)
	for i := 0; i < 100; i++ {
		nightly.waiting = append(nightly.waiting, &job{ordinary.Name(uint64(i)), make([]byte, 4000), true})
	}
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			nightly.waiting = append(nightly.waiting, &job{ordinary.Name(uint64(i)), make([]byte, 4000), false})
		}
		nightly.retry()
	})
	return truth.Leak{Case: "hidden-elements", Holder: "main.nightly", Kind: "global", Count: int64(n), Bytes: bytes}
}

type metric struct {
	name   string
	labels map[string]string
	values [300]float64
}

var exports chan *metric

func exportMetrics() truth.Leak {
	n := truth.Scaled(35000)
	exports = make(chan *metric, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			exports <- &metric{name: "requests", labels: map[string]string{"user": ordinary.Mail(uint64(i))}}
		}
	})
	return truth.Leak{Case: "chan-backlog", Holder: "main.exports", Kind: "global", Count: int64(n), Bytes: bytes}
}

type connection struct {
	peer    string
	buffer  []byte
	streams map[int]*stream
}

type stream struct {
	connection *connection
	window     [64]int64
}

func (c *connection) close() {
	c.buffer = nil
}

// connect gives a connection that its streams lead back to.
func connect(n int) *connection {
	c := &connection{ordinary.Mail(uint64(n)), make([]byte, 20<<10), map[int]*stream{}}
	for i := 0; i < 2; i++ {
		c.streams[i] = &stream{connection: c}
	}
	runtime.SetFinalizer(c, (*connection).close)
	return c
}

var hidden []uintptr

func serve() truth.Leak {
	n := truth.Scaled(3200)
	hidden = make([]uintptr, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			hidden = append(hidden, uintptr(unsafe.Pointer(connect(i))))
		}
	})
	return truth.Leak{Case: "finalizer-cycle", Holder: "main.(*connection).close", Kind: "finalizer", Count: int64(n), Bytes: bytes}
}

func mend() {
	rest := nightly.waiting[len(nightly.waiting):cap(nightly.waiting)]
	for i := range rest {
		rest[i] = nil
	}
	for len(exports) > 0 {
		<-exports
	}
	for i := range hidden {
		(*connection)(unsafe.Pointer(hidden[i])).streams = nil
	}
	for i := 0; i < 3; i++ {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
}

func main() {
	ordinary.Load()
	truth.Begin()
	service.Load()
	leaks := []truth.Leak{runJobs(), exportMetrics(), serve()}
	truth.Tell(&truth.Report{HolderKind: "none", Leaks: leaks, Mend: mend})
}
