package main

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"zoo/ordinary"
)

// Product is an article of the shop.
type Product struct {
	SKU     string
	Name    string
	Cents   int64
	Related []*Product
}

// Line is one position of an order.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Cents    int64  `json:"cents"`
	product  *Product
}

// Order is an order. Both indexes point to the same one.
type Order struct {
	Number   uint64            `json:"number"`
	Customer string            `json:"customer"`
	Lines    []Line            `json:"lines"`
	Note     string            `json:"note"`
	Tags     map[string]string `json:"tags"`
	Total    int64             `json:"total"`
	Created  time.Time         `json:"created"`
}

// orderBook guards the two indexes.
type orderBook struct {
	mu   sync.RWMutex
	last uint64
}

var (
	products         map[string]*Product
	orders           orderBook
	ordersByNumber   = map[uint64]*Order{}
	ordersByCustomer = map[string][]*Order{}
)

// catalogueSize is the number of products.
const catalogueSize = 5000

func loadProducts(n int) {
	products = make(map[string]*Product, n)
	var previous *Product
	for i := 0; i < n; i++ {
		p := &Product{SKU: sku(i), Name: "article of " + ordinary.Name(uint64(i)), Cents: int64(100 + i%900)}
		if previous != nil {
			p.Related = append(p.Related, previous)
		}
		products[p.SKU] = p
		previous = p
	}
}

func sku(n int) string {
	return "sku-" + strconv.Itoa(100000+n)
}

func (b *orderBook) add(o *Order) error {
	for i := range o.Lines {
		line := &o.Lines[i]
		line.product = products[line.SKU]
		if line.product == nil {
			return errors.New("no product " + line.SKU)
		}
		line.Cents = line.product.Cents
		o.Total += line.Cents * int64(line.Quantity)
	}
	o.Created = time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	o.Number = b.last
	ordersByNumber[o.Number] = o
	ordersByCustomer[o.Customer] = append(ordersByCustomer[o.Customer], o)
	return nil
}

func (b *orderBook) find(number uint64) *Order {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return ordersByNumber[number]
}

func (b *orderBook) count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(ordersByNumber)
}
