package main

import (
	"net"
	"os"
	"runtime"
	"sync"
	"time"
)

var (
	spins uintptr
	ends  [2]*os.File // of the pipe that inSystemCall reads; open for ever
)

func startStates() {
	start(func() { park() })
	start(func() { sendForEver(make(chan int)) })
	start(func() { started.Done(); var none chan int; <-none })
	start(func() { started.Done(); select {} })
	start(selectForEver)
	start(func() { started.Done(); time.Sleep(time.Hour) })

	var lock sync.Mutex
	lock.Lock()
	start(func() { started.Done(); lock.Lock() })
	var rw sync.RWMutex
	rw.Lock()
	start(func() { started.Done(); rw.RLock() })
	var group sync.WaitGroup
	group.Add(1)
	start(func() { started.Done(); group.Wait() })
	condition := sync.NewCond(&sync.Mutex{})
	start(func() { condition.L.Lock(); started.Done(); condition.Wait() })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		start(func() { started.Done(); listener.Accept() })
	} else {
		start(func() { park() })
	}
	start(inSystemCall)
	start(func() { runtime.LockOSThread(); park() })
	start(spin)

	start(func() { deep(60) })
	start(func() { deep(300) })
	var t inner = &outer{}
	start(t.wait)
	start(func() { value{3}.call(t.wait) })
	start(func() { t.wait() })
	start(recovered)
	start(panicking)
	start(faulting)
}

func sendForEver(c chan int) {
	started.Done()
	c <- 1
}

func selectForEver() {
	a, b := make(chan int), make(chan string)
	started.Done()
	select {
	case <-a:
	case b <- "x":
	case v := <-never:
		use(v)
	}
}

func inSystemCall() {
	b := newBlob("syscall")
	var err error
	ends[0], ends[1], err = os.Pipe()
	if err != nil {
		panic(err)
	}
	// A descriptor asked for by number is read without the poller: the thread waits in read(2).
	blocking := os.NewFile(ends[0].Fd(), "pipe")
	started.Done()
	blocking.Read(make([]byte, 1))
	use(b)
}

func spin() {
	b := newBlob("spin")
	started.Done()
	for {
		spins += b.pad[0] + 1
	}
}

//go:noinline
func deep(n int) int {
	if n == 0 {
		park()
		return 0
	}
	return deep(n-1) + inlined(n)
}

func inlined(n int) int { return n * 2 }

type inner interface{ wait() }

type embedded struct{ b int }

type outer struct{ embedded }

func (e *embedded) wait() { wrapped() }

func wrapped() { park() }

type value struct{ n int }

func (v value) call(f func()) {
	if v.n > 0 {
		f()
	}
}

func recovered() {
	func() {
		defer func() { recover() }()
		panic("once")
	}()
	park()
}

func panicking() {
	before := newBlob("panic-before")
	use(before)
	b := newBlob("panic-value")
	held := newBlob("panic-deferred")
	defer func() {
		park()
		use(held)
	}()
	panic(b)
}

func faulting() {
	held := newBlob("fault-deferred")
	defer func() {
		park()
		use(held)
	}()
	dereference(newBlob("fault-argument"), nil)
}

//go:noinline
func dereference(b, none *blob) {
	use(b)
	none.pad[1] = 1
	use(b)
}
