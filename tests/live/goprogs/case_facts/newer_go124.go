//go:build go1.24
// +build go1.24

package main

import "runtime"

func init() {
	newer = append(newer, cleanups)
}

//go:noinline
func cleanCycle(gone *bool) {
	t := new(thing)
	t.next = t
	runtime.AddCleanup(t, func(gone *bool) { *gone = true }, gone)
}

//go:noinline
func cleanByClosure(gone *bool) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	t := new(thing)
	runtime.AddCleanup(t, func(gone *bool) { *gone = true; t.room[0]++ }, gone)
	return
}

type pair struct {
	of   *thing
	gone *bool
}

//go:noinline
func cleanByArgument(gone *bool) {
	t := new(thing)
	runtime.AddCleanup(t, func(p *pair) { *p.gone = true }, &pair{t, gone})
}

func cleanups() {
	var closure, argument, cyclic bool
	panicked := cleanByClosure(&closure)
	cleanByArgument(&argument)
	cleanCycle(&cyclic)
	collect()
	say("cleanup-that-closes-over-its-object-never-runs", !closure)
	say("cleanup-that-closes-over-its-object-panics", panicked)
	say("cleanup-whose-argument-leads-back-never-runs", !argument)
	say("cleanup-in-a-cycle-runs", cyclic)
}
