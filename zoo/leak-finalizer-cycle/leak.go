package main

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"zoo/ordinary"
	"zoo/truth"
)

type tunnel struct {
	peer   string
	window []byte
	stream *stream
}

type stream struct {
	id     uint32
	tunnel *tunnel // closes the cycle
	buffer []byte
}

var closed int32

func (t *tunnel) close() {
	atomic.AddInt32(&closed, 1)
}

// open gives a tunnel that closes itself when it is forgotten, or so it is meant.
func open(n int) *tunnel {
	t := &tunnel{peer: ordinary.Mail(uint64(n)), window: make([]byte, 12<<10)}
	t.stream = &stream{id: uint32(n), tunnel: t, buffer: make([]byte, 4<<10)}
	runtime.SetFinalizer(t, (*tunnel).close)
	return t
}

// Where they are, in a way that the collector does not see: nothing else reaches them.
var hidden []uintptr

const tunnels = 3200

func openTunnels() truth.Leak {
	n := truth.Scaled(tunnels)
	hidden = make([]uintptr, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			hidden = append(hidden, uintptr(unsafe.Pointer(open(i))))
		}
	})
	return truth.Leak{Holder: "main.(*tunnel).close", Kind: "finalizer", Count: int64(n), Bytes: bytes}
}

func breakCycles() {
	for i := range hidden {
		(*tunnel)(unsafe.Pointer(hidden[i])).stream.tunnel = nil
	}
	for i := 0; i < 100 && int(atomic.LoadInt32(&closed)) < len(hidden); i++ {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
}
