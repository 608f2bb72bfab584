// A service that grows in known steps: each SIGUSR2 adds to a map of sessions that nobody leaves, to
// listeners that nobody removes, to orders that two indexes hold together, and starts goroutines
// that wait for ever; it also empties a cache and leaves garbage behind. The line it then tells has
// what each step added. SIGHUP runs the collector, which is off otherwise (-collect leaves it on).
package main

import (
	"flag"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

type session struct {
	id    string
	user  string
	token [48]byte
	cart  []int64
}

type order struct {
	number   uint64
	customer string
	lines    [24]int64
}

type bus struct {
	name      string
	listeners []func(int)
}

type page struct {
	body []byte
}

var (
	collect    = flag.Bool("collect", false, "leave the collector on")
	sessions   = map[string]*session{}
	events     = &bus{name: "events"}
	byNumber   = map[uint64]*order{}
	byCustomer = map[string]*order{}
	cache      = map[int]*page{}
	table      = make([][64]byte, 40000)
	waiting    = make(chan []byte)
	numbers    = make(chan bool)
	steps      int
	garbage    []byte
)

func login(n int) {
	s := &session{
		id:   "session-" + strconv.Itoa(n*7919),
		user: ordinary.Name(uint64(n)),
		cart: make([]int64, 4),
	}
	sessions[s.id] = s
}

func growSessions() {
	for i, n := 0, len(sessions); i < truth.Scaled(30000); i++ {
		login(n + i)
	}
}

func growListeners() {
	for i, n := 0, truth.Scaled(10000); i < n; i++ {
		seen := make([]int, 8)
		events.listeners = append(events.listeners, func(x int) { seen[0] += x })
	}
}

func growOrders() {
	for i, first := 0, len(byNumber); i < truth.Scaled(8000); i++ {
		n := uint64(first + i)
		o := &order{number: n, customer: ordinary.Mail(n) + "-" + strconv.Itoa(first+i)}
		byNumber[n] = o
		byCustomer[o.customer] = o
	}
}

func ask(answer []byte) {
	waiting <- answer
}

func growGoroutines() {
	for i, n := 0, truth.Scaled(400); i < n; i++ {
		go ask(make([]byte, 16<<10))
	}
	time.Sleep(50 * time.Millisecond)
}

func fillCache() {
	for i, n := 0, truth.Scaled(6000); i < n; i++ {
		cache[i] = &page{make([]byte, 2048)}
	}
}

func emptyCache() {
	cache = map[int]*page{}
	runtime.KeepAlive(cache)
}

// measured is by how many bytes the live heap grows in a step.
func measured(step func()) int64 {
	before := truth.Live()
	step()
	return truth.Live() - before
}

func fact(report *truth.Report, key string, value int64) {
	for i := range report.Facts {
		if report.Facts[i].Key == key {
			report.Facts[i].Value = value
			return
		}
	}
	report.Facts = append(report.Facts, truth.Fact{Key: key, Value: value})
}

func grow(report *truth.Report) {
	fact(report, "grown_sessions", measured(growSessions))
	fact(report, "grown_listeners", measured(growListeners))
	fact(report, "grown_orders", measured(growOrders))
	fact(report, "grown_goroutines", measured(growGoroutines))
	fact(report, "grown_cache", measured(emptyCache))
	steps++
	fact(report, "steps", int64(steps))
	fact(report, "sessions", int64(len(sessions)))
	fact(report, "listeners", int64(len(events.listeners)))
	fact(report, "goroutines_waiting", int64(truth.Scaled(400)*steps))
	// On a stack that is gone afterwards, with all that may look like a pointer.
	left := make(chan bool)
	go leaveGarbage(left)
	<-left
}

func leaveGarbage(left chan bool) {
	garbage = make([]byte, 24<<20)
	garbage = nil
	left <- true
}

func main() {
	grows, collects := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(grows, syscall.SIGUSR2)
	signal.Notify(collects, syscall.SIGHUP)
	ordinary.Load()
	flag.Parse()
	if *collect {
		truth.Prepare()
	} else {
		truth.Begin()
	}
	growSessions()
	growListeners()
	growOrders()
	fillCache()
	report := &truth.Report{Holder: "main.sessions", HolderKind: "global"}
	report.Facts = make([]truth.Fact, 0, 32)
	fact(report, "steps", 0)
	go func() {
		for range collects {
			runtime.GC()
		}
	}()
	go func() {
		for range grows {
			grow(report)
			time.Sleep(20 * time.Millisecond)
			syscall.Kill(os.Getpid(), syscall.SIGUSR1) // the line is told again
		}
	}()
	truth.Tell(report)
	runtime.KeepAlive(table)
	numbers <- true
}
