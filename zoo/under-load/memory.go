package main

import "time"

// record is a node of a list that is checked and rebuilt bit by bit.
type record struct {
	next *record
	key  uint64
	sum  uint64
	data []byte
}

func newRecord(key uint64) *record {
	r := &record{key: key, sum: key * 0x9e3779b97f4a7c15, data: make([]byte, 200+key%800)}
	for i := range r.data {
		r.data[i] = byte(key) ^ byte(i)
	}
	return r
}

func (r *record) check() {
	if r.sum != r.key*0x9e3779b97f4a7c15 || len(r.data) != int(200+r.key%800) {
		harmed("memory: record %d is damaged", r.key)
	}
	for i, b := range r.data {
		if b != byte(r.key)^byte(i) {
			harmed("memory: byte %d of record %d is damaged", i, r.key)
		}
	}
}

// keepMemory keeps so many bytes alive, reads all of them and replaces some.
func keepMemory(bytes int, filled chan<- bool) {
	table := map[uint64]*record{}
	var key uint64
	for size := 0; size < bytes; key++ {
		table[key] = newRecord(key)
		size += 600
	}
	filled <- true
	for at, n := uint64(0), key; ; at++ {
		old := table[at]
		old.check()
		delete(table, at)
		table[key] = newRecord(key)
		table[key].next = table[key-1]
		if before := table[key-n/2]; before != nil {
			before.next = nil
		}
		key++
		if at%200 == 0 {
			count(&checks)
			time.Sleep(*rest)
		}
	}
}
