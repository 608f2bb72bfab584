// Case defer-pile: a loop defers the release of what each turn takes, and none is released before
// the function ends.
package main

import (
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

const files = 20000

// file is what a step opens.
type file struct {
	number int
	page   []byte
	open   bool
}

var (
	opened  int
	proceed = make(chan bool)
	ready   = make(chan bool)
)

func openFile(n int) *file {
	opened++
	return &file{n, make([]byte, 1000), true}
}

func (f *file) Close() {
	opened--
	f.open = false
}

func importAll(n int) {
	sum := 0
	for i := 0; i < n; i++ {
		f := openFile(i)
		defer f.Close()
		sum += len(f.page)
	}
	ready <- true
	<-proceed
}

func importOne(i int) int {
	f := openFile(i)
	defer f.Close()
	return len(f.page)
}

func importInSteps(n int) {
	sum := 0
	for i := 0; i < n; i++ {
		sum += importOne(i)
	}
	ready <- true
	<-proceed
}

func start() truth.Leak {
	n := truth.Scaled(files)
	bytes := truth.Grew(func() {
		go importAll(n)
		<-ready
		time.Sleep(10 * time.Millisecond)
	})
	return truth.Leak{Holder: "main.importAll", Kind: "goroutine", Count: int64(n), Bytes: bytes}
}

func startInSteps() {
	for i := 0; i < 10; i++ {
		go importInSteps(truth.Scaled(files))
		<-ready
	}
}

func end() {
	close(proceed)
	time.Sleep(100 * time.Millisecond)
}

func main() {
	ordinary.Load()
	truth.Show("defer-pile",
		truth.Form{Name: "loop", Leak: start, Healthy: startInSteps, Mend: end},
	)
}
