//go:build go1.21
// +build go1.21

package main

import (
	"context"
	"runtime"
	"sync"
)

var (
	keptPinner runtime.Pinner
	keptLazy   = sync.OnceValue(func() *square { return new(square) })
)

func init() {
	newer = append(newer, func() {
		keptPinner.Pin(keptLazy())
		keptPinner.Unpin()
		ctx, cancel := context.WithCancelCause(context.Background())
		stop := context.AfterFunc(ctx, func() {})
		keptContext = context.WithoutCancel(ctx)
		stop()
		cancel(nil)
		clear(keptNumbers)
	})
}
