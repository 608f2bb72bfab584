// Goroutines in every state, holding objects in every way a stack can hold them. For
// tests/live/test_stacks.py: prints the objects that goroutines made (HOLD name address) and
// NumGoroutine, then READY. For each line on standard input it collects garbage and prints the
// objects that were found dead (DEAD name). Collections happen only then, so that no address is used
// twice before.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

type blob struct {
	next *blob
	name string
	pad  [5]uintptr
}

type holding struct {
	name    string
	address string
}

var (
	mutex    sync.Mutex
	holdings []holding
	dead     []string
	never    = make(chan *blob)
	started  sync.WaitGroup
)

//go:noinline
func newBlob(name string) *blob {
	b := new(blob)
	b.name = name
	mutex.Lock()
	holdings = append(holdings, holding{name, fmt.Sprintf("%p", b)})
	mutex.Unlock()
	runtime.SetFinalizer(b, func(b *blob) {
		mutex.Lock()
		dead = append(dead, b.name)
		mutex.Unlock()
	})
	return b
}

//go:noinline
func use(b *blob) {
	if b != nil {
		b.pad[0]++
	}
}

//go:noinline
func park() {
	started.Done()
	<-never
}

func start(f func()) {
	started.Add(1)
	go f()
}

func main() {
	debug.SetGCPercent(-1)
	startHolders()
	startStates()
	startGeneric()
	started.Wait()
	time.Sleep(300 * time.Millisecond)

	for _, h := range holdings {
		fmt.Println("HOLD", h.name, h.address)
	}
	fmt.Println("GOROUTINES", runtime.NumGoroutine())
	fmt.Println("READY")
	input := bufio.NewReader(os.Stdin)
	for {
		if _, err := input.ReadString('\n'); err != nil {
			os.Exit(0)
		}
		for i := 0; i < 5; i++ {
			runtime.GC()
			time.Sleep(100 * time.Millisecond)
		}
		mutex.Lock()
		for _, name := range dead {
			fmt.Println("DEAD", name)
		}
		mutex.Unlock()
		fmt.Println("COLLECTED")
	}
}
