package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type answer struct {
	user  string
	parts map[string]string
	body  []byte
}

const requests = 20000

var answered int

//go:noinline
func handle(n int) *answer {
	a := &answer{user: ordinary.Mail(uint64(n)), body: make([]byte, 2000)}
	a.parts = map[string]string{"id": strconv.Itoa(n), "name": ordinary.Name(uint64(n))}
	return a
}

// answerUncollected: truth.Begin turned the collector off.
func answerUncollected() truth.Leak {
	truth.Settle()
	old := truth.HeapAlloc()
	n := truth.Scaled(requests)
	for i := 0; i < n; i++ {
		answered += len(handle(i).body)
	}
	return truth.Leak{Kind: "none", Count: 1, Bytes: truth.HeapAlloc() - old}
}
