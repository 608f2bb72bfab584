// Command leaked has goroutines that are blocked for ever, and others that look like them and are
// not. Each runs a function whose name begins with leak or live. It prints "ready", and on SIGUSR1
// what the runtime itself finds leaked, where it has a profile for that, and all its stacks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

type job struct {
	number int
	answer chan int
}

// server is reached by a global variable; what hangs on it can always come.
type server struct {
	mutex   sync.Mutex
	ready   *sync.Cond
	jobs    chan job
	quit    chan struct{}
	locks   map[string]*sync.RWMutex
	pending *sync.WaitGroup
	nested  map[int]map[int]chan string
}

var (
	global       *server
	globalLock   sync.Mutex
	globalRW     sync.RWMutex
	globalWait   sync.WaitGroup
	globalCond   = sync.Cond{L: &globalLock}
	globalChan   = make(chan int)
	globalSource = make(chan int)
	never        chan int
	stopped      = make(chan struct{})
	sink         interface{}
)

// -- blocked for ever ---------------------------------------------------------------------------

func leakSend(c chan int)       { c <- 1 }
func leakSendFull(c chan *job)  { c <- &job{}; c <- &job{} }
func leakReceive(c chan int)    { <-c }
func leakReceiveBig(c chan job) { fmt.Sprint(<-c) }

func leakRange(c chan string) {
	for s := range c {
		sink = s
	}
}

func leakSelect(a, b chan int, done chan struct{}) {
	select {
	case <-a:
	case b <- 1:
	case <-done:
	}
}

func leakSelectNils() {
	var a, b chan int
	select {
	case <-a:
	case b <- 1:
	}
}

func leakSendNil()     { never <- 1 }
func leakReceiveNil()  { <-never }
func leakSelectEmpty() { select {} }
func leakMutex(m *sync.Mutex) {
	m.Lock()
	sink = m
}

type account struct {
	name    string
	balance int
	lock    sync.Mutex
}

// It keeps the pointer to the whole, not to the lock.
func leakAccount(a *account) {
	a.lock.Lock()
	a.balance++
}

func leakRWRead(m *sync.RWMutex)      { m.RLock(); m.RUnlock() }
func leakRWWrite(m *sync.RWMutex)     { m.Lock(); m.Unlock() }
func leakWaitGroup(w *sync.WaitGroup) { w.Wait() }
func leakCond(c *sync.Cond) {
	c.L.Lock()
	c.Wait()
	c.L.Unlock()
}

type barrier struct {
	parties int
	cond    sync.Cond
	lock    sync.Mutex
}

func leakBarrier(b *barrier) {
	b.lock.Lock()
	for {
		b.cond.Wait()
	}
}

// Each waits for the next, and the last for nobody.
func leakChain(left int) {
	c := make(chan int)
	if left > 0 {
		go leakChainLink(left-1, c)
	}
	<-c
}

func leakChainLink(left int, before chan int) {
	c := make(chan int)
	if left > 0 {
		go leakChainLink(left-1, c)
	}
	before <- <-c
}

// Two that wait for each other.
func leakPair(a, b chan int) {
	<-a
	b <- 1
}

func leakContext(ctx context.Context) { <-ctx.Done() }

// The first answer is taken, the others are not.
func leakAnswer(c chan int, n int) { c <- n }

func ask() int {
	answers := make(chan int)
	for i := 0; i < 3; i++ {
		go leakAnswer(answers, i)
	}
	return <-answers
}

func leakDeferred(c chan int) {
	defer close(c)
	defer func() { sink = c }()
	<-c
}

func leakLocked(c chan int) {
	runtime.LockOSThread()
	<-c
}

func leakDeep(c chan int, depth int) {
	var space [64]int
	if depth > 0 {
		leakDeep(c, depth-1)
	} else {
		<-c
	}
	sink = space[depth%64]
}

// -- alive ----------------------------------------------------------------------------------------

func liveGlobalSend()    { globalChan <- 1 }
func liveGlobalReceive() { <-global.nested[1][2] }
func liveMutex()         { globalLock.Lock() }
func liveRead()          { globalRW.RLock() }
func liveWrite()         { globalRW.Lock() }
func liveWaitGroup()     { globalWait.Wait() }
func liveHeapLock()      { global.mutex.Lock() }
func liveHeapRead()      { global.locks["a"].RLock() }
func liveHeapWait()      { global.pending.Wait() }

func liveCond() {
	global.ready.L.Lock()
	global.ready.Wait()
}

func liveWorker(jobs chan job, quit chan struct{}) {
	for {
		select {
		case j := <-jobs:
			j.answer <- j.number
		case <-quit:
			return
		}
	}
}

func liveSleep()              { time.Sleep(time.Hour) }
func liveAfter()              { <-time.After(time.Hour) }
func liveTimer(t *time.Timer) { <-t.C }
func liveTimeout(c chan int) {
	select {
	case <-c:
	case <-time.After(time.Hour):
	}
}

func liveTicker(t *time.Ticker) {
	for range t.C {
	}
}

func liveDeadline(ctx context.Context) { <-ctx.Done() }
func liveSignals(c chan os.Signal)     { <-c }
func liveConnection(c net.Conn)        { io.Copy(ioutil.Discard, c) }
func livePipe(r *os.File)              { r.Read(make([]byte, 1)) }
func liveAccept(l net.Listener)        { l.Accept() }

// Waits for one that sleeps.
func liveBehindSleeper(c chan int) { <-c }
func liveSleeper(c chan int) {
	time.Sleep(time.Hour)
	c <- 1
}

// A pipeline whose first stage waits for a global channel.
func liveSource(out chan int) {
	out <- <-globalSource
	close(out)
}
func liveStage(in, out chan int) {
	for v := range in {
		out <- v
	}
	close(out)
}

// What an error group does: the one waits for the others, of which one sleeps.
type group struct {
	wait sync.WaitGroup
	once sync.Once
	err  error
}

func (g *group) liveGroupWait() { g.wait.Wait() }
func liveGroupMember(g *group, sleeps bool, c chan struct{}) {
	defer g.wait.Done()
	if sleeps {
		time.Sleep(time.Hour)
		close(c)
		g.once.Do(func() { g.err = errors.New("late") })
		return
	}
	<-c
}

// What a single flight does: callers wait for the one that works.
type call struct {
	wait  sync.WaitGroup
	value int
}

func liveFlight(c *call) {
	time.Sleep(time.Hour)
	c.value = 1
	c.wait.Done()
}
func liveFlightWait(c *call) { c.wait.Wait(); sink = c.value }

// What a pool of connections does: a request waits in a map of the pool.
type pool struct {
	lock     sync.Mutex
	requests map[int]chan net.Conn
}

var thePool = &pool{requests: map[int]chan net.Conn{}}

func liveRequest(n int) {
	c := make(chan net.Conn, 1)
	thePool.lock.Lock()
	thePool.requests[n] = c
	thePool.lock.Unlock()
	<-c
}

// The timer's function holds the channel.
func liveFunc(c chan int) { <-c }

// The finalizer's object is reachable from nothing but what its finalizer wants stays.
type handle struct{ done chan int }

func liveFinalizer(c chan int) { <-c }

// A live goroutine holds the channel in a value on its stack, by an interface and a closure.
func liveHolder(f func()) {
	time.Sleep(time.Hour)
	f()
}
func liveHeld(c chan int)        { <-c }
func liveHeldLock(m *sync.Mutex) { m.Lock() }
func liveHeldCond(b *barrier)    { b.lock.Lock(); b.cond.Wait() }
func liveSpin(stop *chan struct{}) {
	for {
		select {
		case <-*stop:
			return
		default:
			runtime.Gosched()
			time.Sleep(time.Millisecond)
		}
	}
}
func liveSpun(c chan struct{}) { <-c }

func locked() *sync.Mutex {
	m := &account{}
	m.lock.Lock()
	return &m.lock
}

func start() {
	go leakSend(make(chan int))
	go leakSendFull(make(chan *job, 1))
	go leakReceive(make(chan int))
	go leakReceiveBig(make(chan job, 3))
	go leakRange(make(chan string))
	go leakSelect(make(chan int), make(chan int), make(chan struct{}))
	go leakSelectNils()
	go leakSendNil()
	go leakReceiveNil()
	go leakSelectEmpty()
	go leakMutex(locked())
	a := &account{name: "a"}
	a.lock.Lock()
	go leakAccount(a)
	reading, writing := &sync.RWMutex{}, &sync.RWMutex{}
	reading.RLock()
	writing.Lock()
	go leakRWRead(writing)
	go leakRWWrite(reading)
	var w sync.WaitGroup
	w.Add(1)
	go leakWaitGroup(&w)
	go leakCond(sync.NewCond(&sync.Mutex{}))
	b := &barrier{}
	b.cond.L = &b.lock
	for i := 0; i < 5; i++ {
		go leakBarrier(b)
	}
	go leakChain(4)
	x, y := make(chan int), make(chan int)
	go leakPair(x, y)
	go leakPair(y, x)
	ctx, cancel := context.WithCancel(context.Background())
	go leakContext(ctx)
	if len(os.Args) > 9 {
		cancel()
	}
	ask()
	go leakDeferred(make(chan int))
	go leakLocked(make(chan int))
	go leakDeep(make(chan int), 30)

	globalLock.Lock()
	globalRW.Lock()
	globalWait.Add(1)
	go liveGlobalSend()
	go liveGlobalReceive()
	go liveMutex()
	go liveRead()
	go liveWrite()
	go liveWaitGroup()
	global.mutex.Lock()
	global.locks["a"].Lock()
	global.pending.Add(1)
	go liveHeapLock()
	go liveHeapRead()
	go liveHeapWait()
	go liveCond()
	for i := 0; i < 4; i++ {
		go liveWorker(global.jobs, global.quit)
	}
	go liveSleep()
	go liveAfter()
	go liveTimer(time.NewTimer(time.Hour))
	go liveTimeout(make(chan int))
	go liveTicker(time.NewTicker(time.Hour))
	deadline, cancelDeadline := context.WithTimeout(context.Background(), time.Hour)
	go liveDeadline(deadline)
	if len(os.Args) > 9 {
		cancelDeadline()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	go liveSignals(signals)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go liveAccept(listener)
	go liveAccept(listener)
	r, pipe, err := os.Pipe()
	check(err)
	sink = pipe
	go livePipe(r)
	c := make(chan int)
	go liveBehindSleeper(c)
	go liveSleeper(c)
	first, second, third := make(chan int), make(chan int, 2), make(chan int)
	go liveSource(first)
	go liveStage(first, second)
	go liveStage(second, third)
	go liveStage(third, make(chan int))
	g, closed := &group{}, make(chan struct{})
	g.wait.Add(3)
	go g.liveGroupWait()
	go liveGroupMember(g, true, closed)
	go liveGroupMember(g, false, closed)
	go liveGroupMember(g, false, closed)
	f := &call{}
	f.wait.Add(1)
	go liveFlight(f)
	for i := 0; i < 3; i++ {
		go liveFlightWait(f)
		go liveRequest(i)
	}
	t := make(chan int)
	time.AfterFunc(time.Hour, func() { close(t) })
	go liveFunc(t)
	h := &handle{make(chan int)}
	runtime.SetFinalizer(h, func(h *handle) { time.Sleep(time.Hour); close(h.done) })
	go liveFinalizer(h.done)
	hold, lock, bar := make(chan int), locked(), &barrier{}
	bar.cond.L = &bar.lock
	go liveHolder(func() { close(hold); lock.Unlock(); bar.cond.Broadcast(); sink = bar })
	go liveHeld(hold)
	go liveHeldLock(lock)
	go liveHeldCond(bar)
	stop := make(chan struct{})
	go liveSpin(&stop)
	go liveSpun(stop)
	startServer()
}

// A server with kept connections, and its client.
func startServer() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	served := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "fine\n")
	})}
	go served.Serve(listener)
	for i := 0; i < 3; i++ {
		response, err := http.Get("http://" + listener.Addr().String())
		check(err)
		io.Copy(ioutil.Discard, response.Body)
		response.Body.Close()
	}
	connection, err := net.Dial("tcp", listener.Addr().String())
	check(err)
	go liveConnection(connection)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	global = &server{
		jobs:    make(chan job),
		quit:    make(chan struct{}),
		locks:   map[string]*sync.RWMutex{"a": {}},
		pending: &sync.WaitGroup{},
		nested:  map[int]map[int]chan string{1: {2: make(chan string)}},
	}
	global.ready = sync.NewCond(&sync.Mutex{})
	stacks := make([]byte, 1<<20)
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGUSR1)
	start()
	time.Sleep(200 * time.Millisecond)
	runtime.GC()
	fmt.Println("ready")
	for range ask {
		profile(os.Stdout)
		fmt.Println("stacks")
		os.Stdout.Write(stacks[:runtime.Stack(stacks, true)])
		fmt.Println()
		fmt.Println("end")
	}
}
