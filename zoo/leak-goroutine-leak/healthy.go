package main

import (
	"context"
	"sync"
	"time"

	"zoo/truth"
)

// The twins do the same work in the right way; and each leaves goroutines that only wait for work.

type pool struct {
	work    chan *request
	stop    chan struct{}
	workers sync.WaitGroup
	lock    sync.Mutex
	more    *sync.Cond
	queue   []*request
}

var (
	workers pool
	ticker  *time.Ticker
	cancel  context.CancelFunc
	shared  = &table{rows: map[int]int{1: 1}}
	open    = &batch{}
	barrier = newGate()
)

func (p *pool) serve() {
	defer p.workers.Done()
	for {
		select {
		case r := <-p.work:
			r.answer()
		case <-p.stop:
			return
		}
	}
}

func (p *pool) drain() {
	p.lock.Lock()
	for {
		for len(p.queue) > 0 {
			p.queue = p.queue[1:]
		}
		p.more.Wait()
	}
}

func tick(t *time.Ticker, end context.Context) {
	for {
		select {
		case <-t.C:
		case <-end.Done():
			return
		}
	}
}

// idle starts what a healthy service has many of.
func idle(n int) {
	workers.work, workers.stop = make(chan *request), make(chan struct{})
	workers.more = sync.NewCond(&workers.lock)
	for i := 0; i < n; i++ {
		workers.workers.Add(1)
		go workers.serve()
		go workers.drain()
	}
	var end context.Context
	end, cancel = context.WithCancel(context.Background())
	ticker = time.NewTicker(time.Hour)
	go tick(ticker, end)
	go workers.workers.Wait()
	open.wait.Add(1)
	go open.wait.Wait()
	time.Sleep(20 * time.Millisecond)
}

// each runs f for every request and waits until all are done.
func each(f func(i int, done func())) {
	n := truth.Scaled(goroutines)
	var all sync.WaitGroup
	all.Add(n)
	for i := 0; i < n; i++ {
		f(i, all.Done)
	}
	all.Wait()
	idle(n / 10)
}

func askWithRoom() {
	each(func(i int, done func()) {
		answers := make(chan quote, 1)
		go func() {
			fetchQuote(newRequest(i), answers)
			done()
		}()
	})
}

func produceAndClose() {
	each(func(i int, done func()) {
		feed := make(chan quote, 1)
		go func() {
			consume(newRequest(i), feed)
			done()
		}()
		feed <- quote{number: i}
		close(feed)
	})
}

func watchWithEnd() {
	each(func(i int, done func()) {
		changes, alarms := make(chan quote), make(chan quote)
		go func() {
			watch(newRequest(i), changes, alarms)
			done()
		}()
		close(changes)
	})
}

func lockAndUnlock() {
	a := &account{owner: "somebody", balance: 1 << 60}
	each(func(i int, done func()) {
		go func() {
			transfer(newRequest(i), a)
			done()
		}()
	})
}

// writeAndUnlock also leaves readers behind a writer that works for an hour.
func writeAndUnlock() {
	each(func(i int, done func()) {
		go func() {
			look(newRequest(i), shared)
			done()
		}()
	})
	shared.lock.Lock()
	for i := 0; i < 100; i++ {
		go look(newRequest(i), shared)
	}
	go func() {
		time.Sleep(time.Hour)
		shared.lock.Unlock()
	}()
}

func addRight() {
	each(func(i int, done func()) {
		b := &batch{parts: 1}
		b.wait.Add(1)
		go func() {
			finish(newRequest(i), b)
			done()
		}()
		b.wait.Done()
	})
}

// broadcast also leaves some at a barrier that a goroutine which sleeps will open.
func broadcast() {
	g := newGate()
	each(func(i int, done func()) {
		go func() {
			pass(newRequest(i), g)
			done()
		}()
		g.unlatch()
	})
	late := newGate()
	for i := 0; i < 100; i++ {
		go pass(newRequest(i), late)
	}
	go func() {
		time.Sleep(time.Hour)
		late.unlatch()
	}()
}

// forgetNone: all that wait to send can be received from, by way of a map or of a goroutine that
// waits for time to pass.
func forgetNone() {
	for i := 0; i < truth.Scaled(goroutines)/2; i++ {
		answers := make(chan quote)
		kept[i] = answers
		go fetchQuote(newRequest(i), answers)
	}
	late := make(chan quote)
	for i := 0; i < truth.Scaled(goroutines)/2; i++ {
		go fetchQuote(newRequest(i), late)
	}
	go func() {
		time.Sleep(time.Hour)
		for range late {
		}
	}()
	time.Sleep(50 * time.Millisecond)
}
