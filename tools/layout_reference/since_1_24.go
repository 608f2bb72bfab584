//go:build go1.24
// +build go1.24

package main

import (
	"runtime"
	"weak"
)

var keptWeak weak.Pointer[square]

func init() {
	newer = append(newer, func() {
		object := new(square)
		keptWeak = weak.Make(object)
		cleanup := runtime.AddCleanup(object, func(n int) { keptEmpty = n }, 1)
		cleanup.Stop()
		runtime.KeepAlive(object)
	})
}
