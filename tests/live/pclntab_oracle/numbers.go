//go:build go1.16
// +build go1.16

package main

const (
	stackObjects = 2 // FUNCDATA_StackObjects
	inlineTree   = 3
	pcspOffset   = 16 // _func.pcsp
)
