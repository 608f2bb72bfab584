// A global struct has a field of an interface type; the value in it holds everything. The type
// behind the interface is known only from the itab.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type storage interface {
	put(key string, value interface{})
	size() int
}

type memoryStorage struct {
	name    string
	records map[string]interface{}
	journal []interface{}
}

func (m *memoryStorage) put(key string, value interface{}) {
	m.records[key] = value
	m.journal = append(m.journal, value)
}

func (m *memoryStorage) size() int { return len(m.records) }

type invoice struct {
	customer string
	cents    int64
	lines    []string
}

type refund struct {
	invoice *invoice
	reason  string
	pad     [64]byte
}

type application struct {
	name    string
	storage storage
	debug   bool
}

var app application

func main() {
	ordinary.Load()
	truth.Begin()
	app = application{name: "billing", storage: &memoryStorage{
		name: "memory", records: map[string]interface{}{},
	}}
	n := truth.Scaled(160000)
	refunds := 0
	for i := 0; i < n; i++ {
		bill := &invoice{ordinary.Name(uint64(i)), int64(i) * 3, make([]string, 4)}
		for j := range bill.lines {
			bill.lines[j] = "article " + strconv.Itoa(1000+i+j)
		}
		key := "invoice/" + strconv.Itoa(i)
		if i%5 == 0 {
			app.storage.put(key, &refund{invoice: bill, reason: "returned"})
			refunds++
		} else {
			app.storage.put(key, bill)
		}
	}
	truth.Tell(&truth.Report{
		Holder:     "main.app",
		HolderKind: "global",
		Types: []truth.Count{{Type: "main.invoice", N: n}, {Type: "main.refund", N: refunds},
			{Type: "main.memoryStorage", N: 1}},
		Facts: []truth.Fact{{Key: "map_entries", Value: int64(app.storage.size())}},
	})
}
