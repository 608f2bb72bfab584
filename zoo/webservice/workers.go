package main

import "time"

type job struct {
	name string
	run  func()
}

var jobs = make(chan job, 64)

// startWorkers starts what runs beside the handlers. Idle, none of it allocates.
func startWorkers() {
	for i := 0; i < 4; i++ {
		go work(i)
	}
	go tick(time.NewTicker(500 * time.Millisecond))
}

func work(number int) {
	for j := range jobs {
		j.run()
	}
}

func tick(ticker *time.Ticker) {
	count := job{"count", func() {
		metrics.mu.Lock()
		metrics.ticks++
		metrics.mu.Unlock()
	}}
	for range ticker.C {
		jobs <- count
	}
}
