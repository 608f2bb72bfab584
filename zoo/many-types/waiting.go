package main

import (
	"os"
	"reflect"
	"runtime"
	"sync"
	"syscall"
	"time"

	"zoo/ordinary"
)

// held is what each waiting goroutine has in a local variable that it uses later.
type held struct {
	by   string
	cell *cell
}

var (
	never     = make(chan bool)
	neverSent = make(chan *held)
	other     = make(chan int)
	mutex     sync.Mutex
	rwMutex   sync.RWMutex
	group     sync.WaitGroup
	condition = sync.NewCond(new(sync.Mutex))
	pipes     []*os.File
	outcome   int64
)

func hold(by string) *held {
	made("held", 1)
	return &held{by + " " + ordinary.Mail(uint64(cells)), newCell()}
}

// use comes after the wait, so that what is used is alive in the meantime.
//
//go:noinline
func use(h *held) {
	outcome += h.cell.value
}

func makeWaiting() {
	mutex.Lock()
	rwMutex.Lock()
	group.Add(1)
	waits := []struct {
		name string
		wait func()
	}{
		{"receives from nil", func() { <-nilChannel }},
		{"receives", func() { <-never }},
		{"selects", func() {
			select {
			case <-never:
			case n := <-other:
				outcome += int64(n)
			case unbuffered <- nil:
			}
		}},
		{"locks", func() { mutex.Lock() }},
		{"read-locks", func() { rwMutex.RLock() }},
		{"waits for a group", func() { group.Wait() }},
		{"waits for a condition", func() { condition.L.Lock(); condition.Wait() }},
		{"sleeps", func() { time.Sleep(1000 * time.Hour) }},
		{"selects nothing", func() { select {} }},
		{"reads a pipe", readPipe},
		{"is in a system call", blockInSystemCall},
		{"is locked to a thread", func() { runtime.LockOSThread(); <-never }},
		{"is deep down", func() { descend(hold("descends"), 100) }},
		{"has a large frame", func() { largeFrame(hold("is in a large frame")) }},
		{"panics", panicking},
		{"is called by reflection", reflected},
		{"ends", func() {}},
	}
	for _, w := range waits {
		w := w
		h := hold(w.name)
		if w.name == "ends" {
			// Its stack is kept for the next goroutine, what it held is garbage.
			made("held", -1)
			cells--
		}
		started := make(chan bool)
		go func() {
			mine := h
			started <- true
			w.wait()
			use(mine)
		}()
		<-started
		// The functions above count what they hold themselves.
		time.Sleep(2 * time.Millisecond)
	}
	sent := hold("is sent")
	go func(h *held, n int) { neverSent <- h }(sent, 1)
	for i := 0; i < 100; i++ {
		go wait(hold("is one of many"), ordinary.Mail(uint64(i)))
	}
}

func wait(h *held, text string) {
	<-never
	use(h)
	outcome += int64(len(text))
}

func readPipe() {
	r, w, err := os.Pipe()
	if err != nil {
		return
	}
	pipes = append(pipes, r, w)
	r.Read(make([]byte, 10))
}

// blockInSystemCall occupies a thread.
func blockInSystemCall() {
	var p [2]int
	if syscall.Pipe(p[:]) != nil {
		return
	}
	h := hold("waits in the kernel")
	b := make([]byte, 10)
	for {
		if _, err := syscall.Read(p[0], b); err != syscall.EINTR {
			break
		}
	}
	use(h)
}

//go:noinline
func descend(h *held, depth int) int {
	own := h.cell
	if depth == 0 {
		<-never
		use(h)
		return len(own.name)
	}
	return descend(h, depth-1) + len(own.name)
}

// largeFrame has pointers on its stack behind a large array, and an array of them.
//
//go:noinline
func largeFrame(h *held) {
	var numbers [2000]int64
	var cells [20]*cell
	for i := range cells {
		cells[i] = newCell()
		numbers[i*7] = int64(i)
	}
	<-never
	for i := range cells {
		outcome += cells[i].value + numbers[i*3]
	}
	use(h)
}

// panicking waits in a deferred function while the stack of the panic is below it.
func panicking() {
	h := hold("is deferred")
	defer use(h)
	defer func() {
		cause := recover().(*held)
		<-never
		use(cause)
	}()
	panic(hold("is the cause"))
}

// reflected waits in a function made by reflection, called by reflection: between the two lie
// frames whose arguments no pointer map of the compiler describes.
func reflected() {
	function := reflect.MakeFunc(reflect.TypeOf(use), func(args []reflect.Value) []reflect.Value {
		<-never
		use(args[0].Interface().(*held))
		return nil
	})
	function.Call([]reflect.Value{reflect.ValueOf(hold("is an argument"))})
}
