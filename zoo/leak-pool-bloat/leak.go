package main

import (
	"bytes"
	"sync"

	"zoo/truth"
)

var encoders = sync.Pool{New: func() interface{} { return &encoder{out: bytes.NewBuffer(make([]byte, 0, usual))} }}

type encoder struct {
	format string
	out    *bytes.Buffer
}

const (
	usual   = 1 << 10
	rare    = 256 << 10
	largest = 200 // of 256 KiB, at the same time
)

// encode is one request; it gives the encoder back after all others have begun.
func encode(size int) *encoder {
	e := encoders.Get().(*encoder)
	e.format = "json"
	e.out.Reset()
	if e.out.Cap() < size {
		e.out = bytes.NewBuffer(make([]byte, 0, size))
	}
	for e.out.Len() < size {
		e.out.WriteString("0123456789abcdef")
	}
	return e
}

// poolAll: each collection moves what is in a pool to its victim cache and the next one drops it, so
// none may follow.
func poolAll() truth.Leak {
	n := truth.Scaled(largest)
	inUse := make([]*encoder, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			inUse = append(inUse, encode(rare))
		}
	})
	for i := range inUse {
		encoders.Put(inUse[i])
	}
	return truth.Leak{Holder: "main.encoders", Count: int64(n), Bytes: bytes}
}

func emptyPool() {
	encoders = sync.Pool{New: encoders.New}
}

type frame struct {
	next *frame
	used int
	data []byte
}

// A free list of one's own, which nothing ever shortens.
type frameList struct {
	mu    sync.Mutex
	first *frame
	held  int
}

var frames frameList

func (l *frameList) get(size int) *frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.first
	if f == nil {
		f = &frame{data: make([]byte, 0, size)}
	} else {
		l.first, f.next = f.next, nil
		l.held--
	}
	if cap(f.data) < size {
		f.data = make([]byte, 0, size)
	}
	return f
}

func (l *frameList) put(f *frame) {
	f.data, f.used = f.data[:0], 0
	l.mu.Lock()
	f.next, l.first = l.first, f
	l.held++
	l.mu.Unlock()
}

func freeAll() truth.Leak {
	n := truth.Scaled(largest)
	bytes := truth.Grew(func() {
		var inUse []*frame
		for i := 0; i < n; i++ {
			inUse = append(inUse, frames.get(rare))
		}
		for _, f := range inUse {
			frames.put(f)
		}
	})
	return truth.Leak{Holder: "main.frames", Count: int64(n), Bytes: bytes}
}

func dropLarge() {
	frames.mu.Lock()
	defer frames.mu.Unlock()
	for f := frames.first; f != nil; f = f.next {
		if cap(f.data) > usual {
			f.data = nil
		}
	}
}
