package main

import (
	"context"
	"sync/atomic"
	"time"
)

// Quote is a price from a supplier.
type Quote struct {
	SKU      string `json:"sku"`
	Cents    int64  `json:"cents"`
	Supplier string `json:"supplier"`
	document []byte
}

var stuckQuotes int64

// stuck is the number of goroutines that wait for ever to deliver a quote: those whose client had
// given up before.
func stuck() int64 {
	return atomic.LoadInt64(&stuckQuotes)
}

// fetchQuote asks a supplier. When the client gives up first, nobody is left to receive from the
// channel, which has no room for a value: the goroutine below never ends.
func fetchQuote(ctx context.Context, sku string) (*Quote, error) {
	answers := make(chan *Quote)
	go func() {
		answers <- askSupplier(sku)
	}()
	select {
	case q := <-answers:
		return q, nil
	case <-ctx.Done():
		atomic.AddInt64(&stuckQuotes, 1)
		return nil, ctx.Err()
	}
}

// askSupplier takes as long as suppliers do.
func askSupplier(sku string) *Quote {
	q := &Quote{SKU: sku, Supplier: "supplier " + sku, document: make([]byte, 16<<10)}
	if p := products[sku]; p != nil {
		q.Cents = p.Cents * 11 / 10
	}
	time.Sleep(60 * time.Millisecond)
	return q
}
