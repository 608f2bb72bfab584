package main

import (
	"runtime"

	"zoo/ordinary"
	"zoo/truth"
)

// openOneWay makes a tunnel whose stream knows the peer's name, which is all that it needs of it.
func openOneWay(n int) *tunnel {
	t := &tunnel{peer: ordinary.Mail(uint64(n)), window: make([]byte, 12<<10)}
	t.stream = &stream{id: uint32(n), buffer: make([]byte, 4<<10)}
	runtime.SetFinalizer(t, (*tunnel).close)
	return t
}

func openTunnelsOneWay() {
	for i := 0; i < truth.Scaled(tunnels); i++ {
		openOneWay(i)
	}
	truth.Settle()
}
