//go:build !go1.16
// +build !go1.16

package main

const (
	stackObjects = 3 // FUNCDATA_StackObjects
	inlineTree   = 4
	pcspOffset   = 20 // _func.pcsp
)
