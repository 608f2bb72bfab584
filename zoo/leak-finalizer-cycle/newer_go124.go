//go:build go1.24
// +build go1.24

package main

import (
	"runtime"
	"sync/atomic"

	"zoo/ordinary"
	"zoo/truth"
)

func init() {
	forms = append(forms, truth.Form{Name: "cleanup", Leak: mapFiles, Healthy: mapFilesByHandle, Mend: stopCleanups})
}

type mapping struct {
	name   string
	handle int
	pages  []byte
}

func newMapping(n int) *mapping {
	return &mapping{ordinary.Name(uint64(n)), n, make([]byte, 16<<10)}
}

// slot is where the pool of mappings keeps one.
type slot struct {
	mapping *mapping
	used    int
}

func (s *slot) release() {
	atomic.AddInt32(&closed, int32(s.mapping.handle))
}

var cleanups []runtime.Cleanup

func mapFiles() truth.Leak {
	n := truth.Scaled(tunnels)
	cleanups = make([]runtime.Cleanup, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			m := newMapping(i)
			// The function captures what leads to m, so that m is reachable for as long as it has a cleanup.
			s := &slot{mapping: m, used: i}
			cleanups = append(cleanups, runtime.AddCleanup(m, func(int) { s.release() }, 0))
		}
	})
	return truth.Leak{Holder: "main.mapFiles", Kind: "finalizer", Count: int64(n), Bytes: bytes}
}

func stopCleanups() {
	for _, c := range cleanups {
		c.Stop()
	}
}

func unmap(handle int) {
	atomic.AddInt32(&closed, 1)
}

func mapFilesByHandle() {
	for i := 0; i < truth.Scaled(tunnels); i++ {
		m := newMapping(i)
		runtime.AddCleanup(m, unmap, m.handle)
	}
	truth.Settle()
}
