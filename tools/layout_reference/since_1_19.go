//go:build go1.19
// +build go1.19

package main

import (
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

type pair[K comparable, V any] struct {
	key   K
	value V
}

var (
	keptPair   pair[string, []int]
	keptAtomic atomic.Pointer[square]
	keptBool   atomic.Bool
	keptCount  atomic.Int64
)

func init() {
	newer = append(newer, func() {
		debug.SetMemoryLimit(1 << 40)
		keptPair = pair[string, []int]{"a", []int{1}}
		keptAtomic.Store(new(square))
		keptBool.Store(true)
		keptCount.Add(1)
		samples := []metrics.Sample{}
		for _, d := range metrics.All() {
			samples = append(samples, metrics.Sample{Name: d.Name})
		}
		metrics.Read(samples)
		keptEmpty = samples
	})
}
