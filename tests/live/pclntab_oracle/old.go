//go:build !go1.22
// +build !go1.22

package main

import "unsafe"

//go:linkname pcdatavalue1 runtime.pcdatavalue1
func pcdatavalue1(f funcInfo, table uint32, pc uintptr, cache unsafe.Pointer, strict bool) int32

func pcdata(f funcInfo, table uint32, pc uintptr) int32 {
	return pcdatavalue1(f, table, pc, nil, false)
}

//go:linkname pcvalue runtime.pcvalue
func pcvalue(f funcInfo, off uint32, pc uintptr, cache unsafe.Pointer, strict bool) (int32, uintptr)

func depth(f funcInfo, pc uintptr) int32 {
	v, _ := pcvalue(f, *(*uint32)(unsafe.Pointer(uintptr(f.fn) + pcspOffset)), pc, nil, false)
	return v
}
