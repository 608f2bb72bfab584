//go:build go1.24
// +build go1.24

package main

import "runtime"

var kept [items]*[16]byte

// Half of the cleanups wait for their object to die, the others for their turn, which never comes.
func addCleanups() {
	for i := range kept {
		kept[i] = new([16]byte)
		runtime.AddCleanup(kept[i], cleanUp, make([]byte, itemBytes))
		runtime.AddCleanup(new([16]byte), block, make([]byte, itemBytes))
	}
}

func cleanUp([]byte) {}

func block([]byte) { select {} }
