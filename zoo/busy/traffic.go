package main

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"zoo/ordinary"
)

type parcel struct {
	number uint64
	body   []byte
	reply  chan uint64
}

// relay sends parcels through a chain of channels, some buffered, and waits for each reply.
func relay(seed uint64) {
	dice := ordinary.Dice(seed)
	stages := []chan *parcel{make(chan *parcel), make(chan *parcel, 3), make(chan *parcel)}
	for i := 0; i+1 < len(stages); i++ {
		from, to := stages[i], stages[i+1]
		go func() {
			for p := range from {
				p.number++
				to <- p
			}
		}()
	}
	go func() {
		for p := range stages[len(stages)-1] {
			p.reply <- p.number + uint64(len(p.body))
		}
	}()
	quit := make(chan bool) // only makes the wait below a select of two
	for i := uint64(0); ; i++ {
		p := &parcel{i, make([]byte, dice.Below(2000)), make(chan uint64)}
		stages[0] <- p
		select {
		case got := <-p.reply:
			if want := i + 2 + uint64(len(p.body)); got != want {
				corrupt("parcel %d came back as %d, not %d", i, got, want)
			}
		case <-quit:
		}
		if i%50 == 0 {
			checked()
			pause()
		}
	}
}

// setTimers sets many timers, stops half of them, and sees that the others fire.
func setTimers(seed uint64) {
	dice := ordinary.Dice(seed)
	for {
		const n = 200
		var fired, stopped int64
		timers := make([]*time.Timer, n)
		for i := range timers {
			timers[i] = time.AfterFunc(time.Duration(1+dice.Below(20000))*time.Microsecond, func() {
				atomic.AddInt64(&fired, 1)
			})
		}
		for i := 0; i < n; i += 2 {
			if timers[i].Stop() {
				stopped++
			}
		}
		// A stop of the whole program may make them late, but not for ever.
		for waited := 0; atomic.LoadInt64(&fired)+stopped < n; waited++ {
			if waited > 6000 {
				corrupt("%d of %d timers fired and %d were stopped", atomic.LoadInt64(&fired), n, stopped)
			}
			time.Sleep(5 * time.Millisecond)
		}
		if atomic.LoadInt64(&fired)+stopped != n {
			corrupt("timers fired more than once")
		}
		checked()
	}
}

// pipeBytes writes to a pipe and reads it back: no system call may fail because somebody looked.
func pipeBytes(seed uint64) {
	r, w, err := os.Pipe()
	if err != nil {
		corrupt("pipe: %v", err)
	}
	go writePattern(w, seed)
	readPattern("pipe", r, seed)
}

// echo does the same through a TCP connection to itself, closing it now and then: the other side
// must see the end.
func echo(seed uint64) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		corrupt("listen: %v", err)
	}
	for {
		go func() {
			c, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				corrupt("dial: %v", err)
			}
			buffer := make([]byte, 3000)
			for i := 0; i < 200; i++ {
				fill(buffer, seed, uint64(i*len(buffer)))
				if _, err := c.Write(buffer); err != nil {
					corrupt("socket: %v", err)
				}
				if i%20 == 0 {
					pause()
				}
			}
			c.Close()
		}()
		c, err := listener.Accept()
		if err != nil {
			corrupt("accept: %v", err)
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if n := readPattern("socket", c, seed); n != 200*3000 {
			corrupt("%d bytes came through a socket, not %d", n, 200*3000)
		}
		c.Close()
		pause()
	}
}

func fill(b []byte, seed, at uint64) {
	for i := range b {
		n := at + uint64(i)
		b[i] = byte(n ^ n>>8 ^ seed)
	}
}

func writePattern(w io.Writer, seed uint64) {
	buffer := make([]byte, 1000)
	for at := uint64(0); ; at += uint64(len(buffer)) {
		fill(buffer, seed, at)
		if _, err := w.Write(buffer); err != nil {
			corrupt("write: %v", err)
		}
		if at%64000 == 0 {
			pause()
		}
	}
}

// readPattern reads to the end and returns the number of bytes.
func readPattern(what string, r io.Reader, seed uint64) uint64 {
	buffer, want := make([]byte, 1700), make([]byte, 1700)
	for at := uint64(0); ; {
		n, err := r.Read(buffer)
		fill(want[:n], seed, at)
		if string(buffer[:n]) != string(want[:n]) {
			corrupt("%s: the bytes after %d", what, at)
		}
		at += uint64(n)
		if at%64 == 0 {
			checked()
		}
		if err == io.EOF {
			return at
		}
		if err != nil {
			corrupt("%s: %v", what, err)
		}
	}
}
