// Changes everything that leakhound reads, as fast as it can: goroutines come and go, lists of them
// and of spans grow, stacks move, objects of all sizes are made and dropped, pointers are rewritten,
// and the collector runs all the time. A part of the heap stands still: main.steady, -steady bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

type block struct {
	next    *block
	payload []byte
	any     interface{}
}

var (
	steady    [][]byte
	steadyMiB = flag.Int("steady", 32, "`MiB` that stand still")
	seconds   = flag.Int("seconds", 600, "end after this many")
	churning  map[int]*block
	ring      [512]*block
)

//go:noinline
func deep(n int) int {
	var room [128]int
	room[n%128] = n
	if n == 0 {
		return room[0]
	}
	return deep(n-1) + room[n%128]
}

func storm() {
	for {
		done := make(chan int)
		for i := 0; i < 200; i++ {
			go func(n int) { done <- deep(n) }(i)
		}
		for i := 0; i < 200; i++ {
			<-done
		}
	}
}

func rewrite() {
	sizes := []int{8, 24, 100, 700, 3000, 20000, 90000}
	churning = map[int]*block{}
	for i := 0; ; i++ {
		b := &block{payload: make([]byte, sizes[i%len(sizes)]), next: ring[i%511]}
		switch i % 4 {
		case 0:
			b.any = b.payload
		case 1:
			b.any = make([]*block, 1+i%200)
		case 2:
			b.any = map[string]int{"one": i}
		}
		if i%64 == 0 {
			b.next = nil
		}
		ring[i%len(ring)] = b
		churning[i%5000] = b
		if i%20000 == 0 {
			churning = map[int]*block{}
		}
	}
}

func main() {
	flag.Parse()
	debug.SetGCPercent(20)
	for i := 0; i < *steadyMiB*16; i++ {
		steady = append(steady, make([]byte, 65536))
	}
	go storm()
	go rewrite()
	go func() {
		for {
			runtime.GC()
		}
	}()
	fmt.Printf("{\"ready\":true,\"pid\":%d}\n", os.Getpid())
	time.Sleep(time.Duration(*seconds) * time.Second)
}
