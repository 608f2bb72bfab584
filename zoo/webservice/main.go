// orders-api: a web service as they are written every day, with the leaks that are made every
// day. It is what `make demo` looks at.
//
//	server.go   routes, handlers, middleware, the page
//	orders.go   the orders, in two indexes that share them
//	sessions.go sessions that are never removed (leak 1)
//	quotes.go   goroutines that wait for ever to send a quote to a client that gave up (leak 2)
//	cache.go    an LRU cache of rendered receipts, bounded: healthy
//	metrics.go  counters and latencies, bounded: healthy
//	workers.go  background workers: healthy
//	load.go     the traffic that the service makes against itself with -load
//
// Without -load it serves until it is killed. With -load it serves its own clients for -seconds,
// lets things calm down, forces a collection, tells the truth and goes on serving.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"zoo/truth"
)

var (
	address  = flag.String("addr", "127.0.0.1:0", "listen on `HOST:PORT`")
	loaded   = flag.Bool("load", false, "make traffic against itself, then tell the truth")
	seconds  = flag.Float64("seconds", 5, "make traffic for `N` seconds")
	perSec   = flag.Int("rate", 3600, "requests in a second")
	access   = &accessLog{limit: 2000}
	errorLog = log.New(access, "orders-api ", log.LstdFlags)
)

func main() {
	truth.Prepare()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "orders-api:", err)
		os.Exit(1)
	}
	loadProducts(catalogueSize)
	startWorkers()
	server := &http.Server{
		Handler:     routes(),
		ErrorLog:    errorLog,
		ReadTimeout: 30 * time.Second,
	}
	go server.Serve(listener)
	fmt.Printf("{\"addr\":%q,\"pid\":%d}\n", listener.Addr().String(), os.Getpid())
	if !*loaded {
		select {}
	}
	requests := int(*seconds * float64(truth.Scaled(*perSec)))
	sent := makeTraffic("http://"+listener.Addr().String(), requests, time.Duration(*seconds*float64(time.Second)))
	calmDown()
	truth.Tell(&truth.Report{
		Holder:     "main.sessions",
		HolderKind: "global",
		Others:     []string{"main.ordersByNumber", "main.ordersByCustomer", "main.fetchQuote"},
		Types: []truth.Count{
			{Type: "main.Session", N: sessions.count()},
			{Type: "main.Order", N: orders.count()},
			{Type: "main.Product", N: len(products)},
		},
		Facts: []truth.Fact{
			{Key: "requests", Value: int64(sent)},
			{Key: "leaked_goroutines", Value: stuck()},
			{Key: "sessions_map", Value: int64(sessions.count())},
			{Key: "orders_by_number_map", Value: int64(len(ordersByNumber))},
			{Key: "orders_by_customer_map", Value: int64(len(ordersByCustomer))},
			{Key: "receipts_cached", Value: int64(receipts.count())},
		},
	})
}

// calmDown waits until the clients' connections are closed and what served them has ended.
func calmDown() {
	for i := 0; i < 100; i++ {
		time.Sleep(20 * time.Millisecond)
		if serving() == 0 {
			break
		}
	}
	time.Sleep(100 * time.Millisecond)
}
