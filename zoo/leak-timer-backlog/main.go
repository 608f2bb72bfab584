// Case timer-backlog: each turn of a loop leaves a timer that lives to its deadline. From Go 1.23 on
// only where asynctimerchan=1, as with a go line below 1.23 or, up to 1.26, without a module.
package main

import (
	"runtime"
	"time"
	"unsafe"

	"zoo/ordinary"
	"zoo/truth"
)

const turns = 200000

type message struct {
	number int
	text   string
}

var (
	inbox    = make(chan message, 1)
	received int
	idle     *time.Timer
	late     []*time.Timer
)

// hidden are addresses of timers as numbers, which keep nothing alive: only to mend the leak they
// become pointers again.
var hidden []uintptr

const mask = 0x5555555555555555

// makeRoom lets the runtime's heap of timers grow, which never shrinks.
func makeRoom(n int) {
	timers := make([]*time.Timer, n+n/4)
	for i := range timers {
		timers[i] = time.NewTimer(time.Hour)
	}
	for _, t := range timers {
		t.Stop()
	}
	time.Sleep(20 * time.Millisecond)
}

func stopHidden() {
	for _, h := range hidden {
		address := h ^ mask
		(*(**time.Timer)(unsafe.Pointer(&address))).Stop()
	}
	// What was stopped leaves the heap when the next timer is looked for.
	time.Sleep(20 * time.Millisecond)
	t := time.NewTimer(time.Hour)
	t.Stop()
	time.Sleep(20 * time.Millisecond)
}

// receive is what time.After does, with the address kept.
func receive(timeout time.Duration) {
	t := time.NewTimer(timeout)
	hidden = append(hidden, uintptr(unsafe.Pointer(t))^mask)
	select {
	case m := <-inbox:
		received += m.number
	case <-t.C:
	}
}

func receiveAll() truth.Leak {
	n := truth.Scaled(turns)
	makeRoom(n)
	hidden = make([]uintptr, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			inbox <- message{number: i}
			receive(3*time.Minute + time.Duration(i)*time.Microsecond)
		}
	})
	if bytes < 8*int64(n) {
		hidden = nil // the runtime has freed them
	}
	return truth.Leak{Holder: "timer channels", Kind: "timer", Count: int64(n), Bytes: bytes}
}

// receiveWithOne uses one timer for all turns.
func receiveWithOne() {
	idle = time.NewTimer(time.Hour)
	for i := 0; i < truth.Scaled(turns); i++ {
		inbox <- message{number: i}
		if !idle.Stop() {
			select {
			case <-idle.C:
			default:
			}
		}
		idle.Reset(3 * time.Minute)
		select {
		case m := <-inbox:
			received += m.number
		case <-idle.C:
		}
	}
	// Many that the program still holds, or that run a function, are no backlog.
	for i := 0; i < truth.Scaled(turns)/20; i++ {
		late = append(late, time.NewTimer(time.Hour))
	}
	for i := 0; i < truth.Scaled(turns)/20; i++ {
		t := time.NewTimer(time.Hour)
		time.AfterFunc(time.Hour, func() { t.Stop() })
		go wait(time.NewTimer(time.Hour))
	}
	time.Sleep(20 * time.Millisecond)
}

func wait(t *time.Timer) { <-t.C }

func main() {
	// One P has one heap of timers, which is cleaned as soon as many are stopped.
	runtime.GOMAXPROCS(1)
	ordinary.Load()
	truth.Show("timer-backlog",
		truth.Form{Name: "loop", Leak: receiveAll, Healthy: receiveWithOne, Mend: stopHidden},
	)
}
