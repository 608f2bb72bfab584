//go:build go1.18
// +build go1.18

package main

import (
	"sync"

	"zoo/truth"
)

func init() {
	forms = append(forms, truth.Form{Name: "generic", Leak: grantLeases, Healthy: grantLeasesAndShrink, Mend: leases.shrink})
}

type registry[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]V
	peak    int
	shrinks bool
}

func (r *registry[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[key] = value
	if len(r.entries) > r.peak {
		r.peak = len(r.entries)
	}
}

func (r *registry[K, V]) remove(key K) {
	r.mu.Lock()
	delete(r.entries, key)
	shrink := r.shrinks && len(r.entries) < r.peak/8
	r.mu.Unlock()
	if shrink {
		r.shrink()
	}
}

func (r *registry[K, V]) copied() map[K]V {
	next := make(map[K]V)
	for key, value := range r.entries {
		next[key] = value
	}
	return next
}

func (r *registry[K, V]) shrink() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries, r.peak = r.copied(), len(r.entries)
}

type lease struct {
	owner   uint32
	expires int64
	flags   [4]uint16
}

type volume struct {
	zone   uint16
	number uint64
}

var leases = &registry[volume, lease]{entries: map[volume]lease{}}

func grant(from, to int) {
	for i := from; i < to; i++ {
		leases.put(volume{uint16(i % 5), uint64(i)}, lease{owner: uint32(i)})
	}
}

func expire(from, to int) {
	for i := from; i < to; i++ {
		leases.remove(volume{uint16(i % 5), uint64(i)})
	}
}

func grantLeases() truth.Leak {
	n := truth.Scaled(700000)
	return tooLarge("main.leases", func() {
		grant(0, kept(n))
	}, func() {
		grant(kept(n), n)
		expire(kept(n), n)
	}, func() interface{} { return leases.copied() })
}

func grantLeasesAndShrink() {
	n := truth.Scaled(700000)
	leases.shrinks = true
	grant(0, n)
	expire(kept(n), n)
}
