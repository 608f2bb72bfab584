package main

import (
	"strconv"
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

const runs = 12000

var (
	ran    int
	remove bool // in the twin
)

// many runs what is scheduled n times and gives the truth about it.
func many(n int, run func(n int)) int64 {
	for i := 0; i < n; i++ {
		run(ran)
		ran++
	}
	return int64(n)
}

func leak(holder string, run func(n int)) truth.Leak {
	n := truth.Scaled(runs)
	bytes := truth.Grew(func() { many(n, run) })
	return truth.Leak{Holder: holder, Count: int64(n), Bytes: bytes}
}

type report struct {
	title string
	rows  [500]int64
}

type bus struct {
	mu        sync.Mutex
	listeners []func(topic string)
}

var updates bus

func (b *bus) subscribe(f func(topic string)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(b.listeners, f)
	at := len(b.listeners) - 1
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		last := len(b.listeners) - 1
		b.listeners[at], b.listeners[last] = b.listeners[last], nil
		b.listeners = b.listeners[:last]
	}
}

// nightly is the scheduled task.
func nightly(n int) {
	r := &report{title: "report " + strconv.Itoa(n)}
	cancel := updates.subscribe(func(topic string) {
		if topic == r.title {
			r.rows[0]++
		}
	})
	if remove {
		cancel()
	}
}

func subscribeFuncs() truth.Leak {
	return leak("main.updates", nightly)
}

func moreFuncs() int64 {
	return many(truth.Scaled(runs)/5, nightly)
}

func removeFuncs() {
	updates.listeners = nil
}

type observer interface {
	observe(price float64)
}

type averager struct {
	name   string
	window [500]float64
}

func (a *averager) observe(price float64) {
	a.window[0] = price
}

type feed struct {
	observers []observer
	price     float64
}

var prices = &feed{}

func recompute(n int) {
	a := &averager{name: ordinary.Name(uint64(n))}
	prices.observers = append(prices.observers, a)
	prices.price++
	if remove {
		last := len(prices.observers) - 1
		prices.observers[last] = nil
		prices.observers = prices.observers[:last]
	}
}

func addObservers() truth.Leak {
	return leak("main.prices", recompute)
}

func moreObservers() int64 {
	return many(truth.Scaled(runs)/5, recompute)
}

func removeObservers() {
	prices.observers = nil
}

type settings struct {
	path  string
	lines [4000]byte
}

var reloadHooks = map[int]func() error{}

func hook(n int) {
	s := &settings{path: "/etc/service/" + strconv.Itoa(n%10) + ".conf"}
	reloadHooks[n] = func() error {
		s.lines[0] = '#'
		return nil
	}
	if remove {
		delete(reloadHooks, n)
	}
}

func hookReloads() truth.Leak {
	return leak("main.reloadHooks", hook)
}

func moreHooks() int64 {
	return many(truth.Scaled(runs)/5, hook)
}

func unhookAll() {
	reloadHooks = map[int]func() error{}
}
