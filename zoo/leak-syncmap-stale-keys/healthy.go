package main

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

type numbered struct {
	connection *connection
	state      state
}

var byNumber sync.Map // uint64 → *numbered

// serveByNumber keys by a small number: what stays of a deleted key is a few bytes.
func serveByNumber() {
	n := truth.Scaled(3200)
	for i := 0; i < n+20; i++ {
		byNumber.Store(uint64(i), &numbered{open(i), state{ordinary.Name(uint64(i)), 1}})
	}
	byNumber.Range(func(key, value interface{}) bool { return true })
	for i := 0; i < n; i++ {
		byNumber.Delete(uint64(i))
	}
}

var bySum sync.Map // [32]byte → *page

func renderBySum() {
	n := truth.Scaled(6000)
	var done [][sha256.Size]byte
	for i := 0; i < n+20; i++ {
		sum := sha256.Sum256([]byte("<article>" + strconv.Itoa(i) + "</article>"))
		bySum.Store(sum, &page{html: strconv.Itoa(i), made: time.Now()})
		done = append(done, sum)
	}
	bySum.Range(func(key, value interface{}) bool { return true })
	for _, sum := range done[:n] {
		bySum.Delete(sum)
	}
}
