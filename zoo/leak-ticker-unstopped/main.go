// Case ticker-unstopped: tickers that their goroutines have forgotten. From Go 1.23 on only where
// asynctimerchan=1, as with a go line below 1.23 or, up to 1.26, without a module.
package main

import (
	"runtime"
	"time"
	"unsafe"

	"zoo/ordinary"
	"zoo/truth"
)

const watches = 50000

var (
	polls int
	kept  []*time.Ticker
)

// hidden are addresses of tickers as numbers, which keep nothing alive: only to mend the leak they
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
		(*(**time.Ticker)(unsafe.Pointer(&address))).Stop()
	}
	time.Sleep(20 * time.Millisecond)
	t := time.NewTimer(time.Hour)
	t.Stop()
	time.Sleep(20 * time.Millisecond)
}

// watch polls until it has what it wants, and returns without Stop.
func watch(period time.Duration) {
	t := time.NewTicker(period)
	hidden = append(hidden, uintptr(unsafe.Pointer(t))^mask)
	select {
	case <-t.C:
	default:
		polls++
	}
}

func watchAll() truth.Leak {
	n := truth.Scaled(watches)
	makeRoom(n)
	hidden = make([]uintptr, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			watch(time.Hour)
		}
	})
	if bytes < 8*int64(n) {
		hidden = nil // the runtime has freed them
	}
	return truth.Leak{Holder: "timer channels", Kind: "timer", Count: int64(n), Bytes: bytes}
}

func watchAndStop() {
	for i := 0; i < truth.Scaled(watches); i++ {
		t := time.NewTicker(time.Hour)
		select {
		case <-t.C:
		default:
			polls++
		}
		t.Stop()
	}
	for i := 0; i < truth.Scaled(watches)/50; i++ {
		kept = append(kept, time.NewTicker(time.Hour))
		go tick(time.NewTicker(time.Hour))
	}
	time.Sleep(20 * time.Millisecond)
}

func tick(t *time.Ticker) {
	for range t.C {
		polls++
	}
}

func main() {
	// One P has one heap of timers, which is cleaned as soon as many are stopped.
	runtime.GOMAXPROCS(1)
	ordinary.Load()
	truth.Show("ticker-unstopped",
		truth.Form{Name: "forgotten", Leak: watchAll, Healthy: watchAndStop, Mend: stopHidden},
	)
}
