//go:build go1.23
// +build go1.23

package main

import (
	"iter"
	"unique"
)

var keptHandle unique.Handle[string]

func countTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

func loopWithDefers(n int) {
	for i := range countTo(n) {
		defer func() { keptEmpty = i }()
	}
}

func init() {
	newer = append(newer, func() {
		keptHandle = unique.Make("text")
		next, stop := iter.Pull(countTo(3))
		keptEmpty, _ = next()
		stop()
		loopWithDefers(3)
	})
}
