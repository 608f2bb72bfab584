package main

import (
	"strconv"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

type device struct {
	serial    string
	owner     string
	seen      time.Time
	telemetry [96]float64
}

type registry struct {
	devices map[string]*device
	bounded *lru // nil in the leak
}

var known = &registry{devices: map[string]*device{}}

func (r *registry) register(n int) {
	d := &device{serial: "device-" + strconv.Itoa(n), owner: ordinary.Name(uint64(n)), seen: time.Now()}
	if r.bounded != nil {
		r.bounded.put(d)
		return
	}
	r.devices[d.serial] = d
}

var registered int

func registerMore(n int) {
	for i := 0; i < n; i++ {
		known.register(registered)
		registered++
	}
}

func registerDevices() truth.Leak {
	bytes := truth.Grew(func() { registerMore(truth.Scaled(50000)) })
	return truth.Leak{Holder: "main.known", Count: 1, Bytes: bytes}
}

func moreDevices() int64 {
	registerMore(truth.Scaled(50000) / 5)
	return 0
}

func forgetDevices() {
	known.devices = map[string]*device{}
}

type change struct {
	table  string
	row    int64
	before []byte
	after  []byte
}

var (
	changes  []*change
	last     [1024]*change // what the twin keeps
	bounded  bool
	numbered int64
)

func note(n int) {
	for i := 0; i < n; i++ {
		c := &change{"stock", numbered, make([]byte, 400), make([]byte, 500)}
		if bounded {
			last[numbered%int64(len(last))] = c
		} else {
			changes = append(changes, c)
		}
		numbered++
	}
}

func logChanges() truth.Leak {
	bytes := truth.Grew(func() { note(truth.Scaled(50000)) })
	return truth.Leak{Holder: "main.changes", Count: 1, Bytes: bytes}
}

func moreChanges() int64 {
	note(truth.Scaled(50000) / 5)
	return 0
}

func forgetChanges() {
	changes = nil
}
