package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

type encoder struct {
	out bytes.Buffer
	end chan bool
}

var encoders = sync.Pool{New: func() interface{} { return &encoder{} }}

// usePool: each of these goroutines has an encoder of the pool and writes with it for ever.
func usePool() {
	for i := 0; i < 50; i++ {
		e := encoders.Get().(*encoder)
		e.end = make(chan bool)
		e.out.Grow(truth.Scaled(800 << 10))
		for e.out.Len() < e.out.Cap()-16 {
			e.out.WriteString("0123456789abcdef")
		}
		go func() {
			<-e.end
			e.out.Reset()
			encoders.Put(e)
		}()
		inUse = append(inUse, e)
	}
}

var inUse []*encoder

// A journal that is written out when its buffer is full. It is half full.
type journal struct {
	name   string
	buffer []byte
	synced int64
}

var journals []*journal

func fillHalf() {
	for i := 0; i < 4; i++ {
		j := &journal{name: "journal-" + strconv.Itoa(i), buffer: make([]byte, 0, truth.Scaled(12<<20))}
		for len(j.buffer) < cap(j.buffer)/2 {
			j.buffer = append(j.buffer, "a line of the journal\n"...)
		}
		journals = append(journals, j)
	}
}

type layer int

// serveDeep: one request that is being served, with 60 values in its context.
func serveDeep() {
	ctx, cancel := context.WithCancel(context.Background())
	for i := 0; i < 60; i++ {
		ctx = context.WithValue(ctx, layer(i), &profile{ordinary.Name(uint64(i)), make([]byte, truth.Scaled(700<<10))})
	}
	started := make(chan bool)
	go func() {
		defer cancel()
		close(started)
		select {
		case <-ctx.Done():
		case <-hangUp:
		}
		runtime.KeepAlive(ctx)
	}()
	<-started
}

// Closed when the client goes away.
var hangUp = make(chan bool)

// Records in one array, every slot of which is used.
type record struct {
	key   uint64
	name  string
	next  *record
	data  [12]uint64
	valid bool
}

type slab struct {
	records []record
	first   *record
}

var accounts slab

func fillSlab() {
	accounts.records = make([]record, truth.Scaled(300000))
	for i := range accounts.records {
		r := &accounts.records[i]
		r.key, r.name, r.valid = uint64(i), ordinary.Name(uint64(i)), true
		r.next, accounts.first = accounts.first, r
	}
}

// A slice that was appended to one by one has room for up to as much again.
var samples []*profile

func appendOnce() {
	for i := 0; i < truth.Scaled(25000); i++ {
		samples = append(samples, newProfile(i))
	}
}

type stream struct {
	peer   string
	buffer []byte
	ctx    context.Context
	cancel context.CancelFunc
}

// Streams that are open: each has a context of its own, and a goroutine waits for its end.
var streams []*stream

func holdChildren() {
	base, _ := context.WithCancel(context.Background())
	for i := 0; i < 500; i++ {
		s := &stream{peer: ordinary.Mail(uint64(i)), buffer: make([]byte, truth.Scaled(64<<10))}
		s.ctx, s.cancel = context.WithCancel(base)
		streams = append(streams, s)
		go func() {
			<-s.ctx.Done()
			s.buffer = nil
		}()
	}
}

// A large channel that is nearly always nearly empty.
var uploads chan *profile

func keepChannelShort() {
	n := truth.Scaled(500000)
	uploads = make(chan *profile, n)
	for i := 0; i < n/100; i++ {
		uploads <- newProfile(i)
		if i%10 > 0 {
			<-uploads
		}
	}
}

// Objects with finalizers that are in use.
type file struct {
	name  string
	cache []byte
	file  *os.File
}

var files []*file

func openFiles() {
	for i := 0; i < truth.Scaled(3000); i++ {
		f := &file{name: "file-" + strconv.Itoa(i), cache: make([]byte, 16<<10)}
		runtime.SetFinalizer(f, func(f *file) { f.file.Close() })
		files = append(files, f)
	}
}
