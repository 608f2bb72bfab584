// Goroutines that never rest, each holding one object that it uses in every turn, for
// tests/live/test_busy_stacks.py: wherever a stop finds them, their stacks must lead to it. Prints
// the objects (HOLD name address), then READY, and ends with its standard input.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

type blob struct {
	next *blob
	name string
	pad  [5]uintptr
}

var (
	mutex sync.Mutex
	sink  interface{}
	ready sync.WaitGroup
)

//go:noinline
func newBlob(name string) *blob {
	b := &blob{name: name}
	mutex.Lock()
	fmt.Printf("HOLD %s %p\n", name, b)
	mutex.Unlock()
	return b
}

// work calls turn for ever; b lives in its frame.
func work(name string, turn func(n int)) {
	ready.Add(1)
	go func() {
		b := newBlob(name)
		ready.Done()
		for n := 0; ; n++ {
			turn(n)
			b.pad[0] += uintptr(n)
		}
	}()
}

func loop(int) {
	for i := 0; i < 1000; i++ {
	}
}

func grow(n int) int {
	var space [64]int
	space[n%64] = n
	if n == 0 {
		return 0
	}
	return grow(n-1) + space[n%64]
}

func main() {
	runtime.GOMAXPROCS(4)
	work("loop", loop)
	work("time", func(int) { _ = time.Now() })
	work("allocate", func(n int) { sink = make([]*blob, 1+n%2000) })
	work("system-call", func(int) { syscall.Getpid() })
	work("yield", func(int) { runtime.Gosched() })
	work("print", func(n int) { sink = fmt.Sprintf("%d %s %v", n, "x", 1.5) })
	work("sleep", func(int) { time.Sleep(time.Microsecond) })
	work("map", func(n int) {
		m := map[int]string{}
		for i := 0; i < 100; i++ {
			m[i*n] = "x"
		}
	})
	work("recover", func(int) {
		defer func() { recover() }()
		var b *blob
		b.pad[0] = 1
	})
	work("sort", func(n int) {
		s := make([]int, 300)
		for i := range s {
			s[i] = i * 7919 % 301
		}
		sort.Ints(s)
	})
	work("copy", func(n int) { sink = strings.Repeat("abc", 10000) })
	work("grow", func(n int) {
		done := make(chan bool)
		go func() { grow(1000); close(done) }()
		<-done
	})
	ping, pong := make(chan int), make(chan int)
	work("ping", func(n int) { ping <- n; <-pong })
	work("pong", func(n int) { <-ping; pong <- n })
	var lock sync.Mutex
	for i := 0; i < 2; i++ {
		work(fmt.Sprint("lock", i), func(n int) { lock.Lock(); loop(0); lock.Unlock() })
	}
	work("collect", func(n int) {
		if n%50 == 0 {
			runtime.GC()
		}
		runtime.Gosched()
	})
	read, write, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	bytes := make([]byte, 1)
	work("write", func(int) { write.Write([]byte{1}) })
	work("read", func(int) { read.Read(bytes) })
	ready.Wait()
	fmt.Println("READY")
	bufio.NewReader(os.Stdin).ReadString('\n')
}
