package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"zoo/truth"
)

const goroutines = 3000

// request is what a goroutine still has to do when it goes on.
type request struct {
	number int
	body   []byte
}

type quote struct {
	number int
	price  int
	text   string
}

var (
	answered int64
	started  int64
	failing  = errors.New("the backend is gone")
	kept     = map[int]chan quote{}
)

func newRequest(n int) *request {
	return &request{n, make([]byte, 48<<10)}
}

func (r *request) answer() {
	atomic.AddInt64(&answered, int64(len(r.body)+r.number))
}

// hidden are the addresses of what the goroutines wait for, as numbers, which keep nothing alive
// and lead nowhere: only to mend the leak they become pointers again.
var hidden []uintptr

func hide(p unsafe.Pointer) {
	hidden = append(hidden, uintptr(p)^mask)
}

const mask = 0x5555555555555555

func found(i int) unsafe.Pointer {
	address := hidden[i] ^ mask
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// leak starts n goroutines by start and tells what they hold. The runtime never frees what it knows
// of a goroutine, so as many have run before.
func leak(holder string, n int, start func(i int)) truth.Leak {
	hidden = make([]uintptr, 0, n)
	end, done := make(chan bool), make(chan bool)
	for i := 0; i < n+10; i++ {
		go func() {
			<-end
			done <- true
		}()
	}
	time.Sleep(10 * time.Millisecond)
	close(end)
	for i := 0; i < n+10; i++ {
		<-done
	}
	bytes := truth.GrewWithStacks(func() {
		for i := 0; i < n; i++ {
			start(i)
		}
		for atomic.LoadInt64(&started) < int64(n) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
	})
	return truth.Leak{Holder: holder, Kind: "goroutine", Count: int64(n), Bytes: bytes, Stacks: true}
}

func fetchQuote(r *request, answers chan quote) {
	atomic.AddInt64(&started, 1)
	answers <- quote{r.number, 10 * r.number, "a share"}
	r.answer()
}

// ask gives up before the answer comes.
func ask(n int) (quote, error) {
	answers := make(chan quote)
	hide(*(*unsafe.Pointer)(unsafe.Pointer(&answers)))
	go fetchQuote(newRequest(n), answers)
	return quote{}, failing
}

func askAndForget() truth.Leak {
	return leak("main.fetchQuote", truth.Scaled(goroutines), func(i int) { ask(i) })
}

func consume(r *request, feed chan quote) {
	atomic.AddInt64(&started, 1)
	for q := range feed {
		r.number += q.number
	}
	r.answer()
}

// produce returns early and leaves the feed open.
func produce(n int) error {
	feed := make(chan quote, 1)
	hide(*(*unsafe.Pointer)(unsafe.Pointer(&feed)))
	go consume(newRequest(n), feed)
	feed <- quote{number: n}
	return failing
}

func produceAndForget() truth.Leak {
	return leak("main.consume", truth.Scaled(goroutines), func(i int) { produce(i) })
}

func watch(r *request, changes, alarms chan quote) {
	atomic.AddInt64(&started, 1)
	select {
	case q := <-changes:
		r.number += q.number
	case q := <-alarms:
		r.number -= q.number
	}
	r.answer()
}

func watchForEver() truth.Leak {
	return leak("main.watch", truth.Scaled(goroutines), func(i int) {
		changes := make(chan quote)
		hide(*(*unsafe.Pointer)(unsafe.Pointer(&changes)))
		go watch(newRequest(i), changes, make(chan quote))
	})
}

type account struct {
	owner   string
	balance int
	lock    sync.Mutex
}

// withdraw forgets to unlock when there is not enough.
func (a *account) withdraw(n int) error {
	a.lock.Lock()
	if a.balance < n {
		return failing
	}
	a.balance -= n
	a.lock.Unlock()
	return nil
}

func transfer(r *request, a *account) {
	atomic.AddInt64(&started, 1)
	a.withdraw(r.number)
	r.answer()
}

func lockAndReturn() truth.Leak {
	a := &account{owner: "nobody"}
	a.withdraw(1)
	return leak("main.transfer", truth.Scaled(goroutines), func(i int) {
		if i == 0 {
			hide(unsafe.Pointer(a))
		}
		go transfer(newRequest(i), a)
	})
}

type table struct {
	lock sync.RWMutex
	rows map[int]int
}

func (t *table) set(key, value int) error {
	t.lock.Lock()
	if t.rows == nil {
		return failing
	}
	t.rows[key] = value
	t.lock.Unlock()
	return nil
}

func look(r *request, t *table) {
	atomic.AddInt64(&started, 1)
	t.lock.RLock()
	r.number += t.rows[r.number]
	t.lock.RUnlock()
	r.answer()
}

func writeAndReturn() truth.Leak {
	t := &table{}
	t.set(1, 1)
	return leak("main.look", truth.Scaled(goroutines), func(i int) {
		if i == 0 {
			hide(unsafe.Pointer(t))
		}
		go look(newRequest(i), t)
	})
}

type batch struct {
	wait  sync.WaitGroup
	parts int
}

func finish(r *request, b *batch) {
	atomic.AddInt64(&started, 1)
	b.wait.Wait()
	r.answer()
}

func addOneTooMany() truth.Leak {
	return leak("main.finish", truth.Scaled(goroutines), func(i int) {
		b := &batch{parts: 1}
		b.wait.Add(2)
		hide(unsafe.Pointer(b))
		go finish(newRequest(i), b)
		b.wait.Done()
	})
}

type gate struct {
	lock sync.Mutex
	cond *sync.Cond
	open bool
}

func newGate() *gate {
	g := &gate{}
	g.cond = sync.NewCond(&g.lock)
	return g
}

func (g *gate) unlatch() {
	g.lock.Lock()
	g.open = true
	g.lock.Unlock()
	g.cond.Broadcast()
}

func pass(r *request, g *gate) {
	atomic.AddInt64(&started, 1)
	g.lock.Lock()
	for !g.open {
		g.cond.Wait()
	}
	g.lock.Unlock()
	r.answer()
}

func neverBroadcast() truth.Leak {
	return leak("main.pass", truth.Scaled(goroutines), func(i int) {
		g := newGate()
		hide(unsafe.Pointer(g))
		go pass(newRequest(i), g)
	})
}

// forgetEveryOther: of those that stand at one place half can still be answered.
func forgetEveryOther() truth.Leak {
	n := truth.Scaled(goroutines)
	for i := 0; i < n; i++ {
		answers := make(chan quote)
		kept[i] = answers
		started--
		go fetchQuote(newRequest(i), answers)
	}
	return leak("main.fetchQuote", n, func(i int) { ask(i) })
}
