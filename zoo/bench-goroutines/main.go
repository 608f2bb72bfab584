// Many goroutines that wait: a third for ever, a third for a worker that is alive, a third for locks.
package main

import (
	"flag"
	"sync"
	"time"

	"zoo/truth"
)

var (
	count   = flag.Int("goroutines", 100000, "start `N` goroutines")
	answers = make(chan int)
	lock    sync.Mutex
)

type request struct {
	number int
	reply  chan int
}

func deeper(r *request, depth int) {
	if depth > 0 {
		deeper(r, depth-1)
		r.number++
		return
	}
	switch r.number % 3 {
	case 0:
		r.reply <- r.number
	case 1:
		select {
		case answers <- r.number:
		case <-r.reply:
		}
	default:
		lock.Lock()
	}
}

func main() {
	flag.Parse()
	lock.Lock()
	for i := 0; i < *count; i++ {
		go deeper(&request{i, make(chan int)}, i%7)
	}
	time.Sleep(time.Second)
	truth.Prepare()
	truth.Tell(&truth.Report{HolderKind: "none", Quick: true})
}
