//go:build go1.24
// +build go1.24

package main

import (
	"runtime"
	"unique"
	"weak"

	"zoo/ordinary"
)

// watched has a cleanup and is alive; the cleanup's argument is held by nothing else.
type watched struct {
	name string
	cell *cell
}

// remembered is pointed to by weak pointers; half of them are alive by other means.
type remembered struct {
	number int
	cell   *cell
}

type pair[K comparable, V any] struct {
	key   K
	value V
	next  *pair[K, V]
}

var (
	withCleanups  []*watched
	alsoStrong    []*remembered
	weakPointers  []weak.Pointer[remembered]
	uniqueHandles []unique.Handle[string]
	somePairs     *pair[string, *cell]
	otherPairs    *pair[int, float64]
)

func init() {
	newer = append(newer, makeNewer)
}

func makeNewer() {
	for i := range 30 {
		w := &watched{ordinary.Mail(uint64(i)), newCell()}
		runtime.AddCleanup(w, func(c *cell) { outcome += c.value }, newCell())
		withCleanups = append(withCleanups, w)

		r := &remembered{i, newCell()}
		weakPointers = append(weakPointers, weak.Make(r))
		if i%2 == 0 {
			alsoStrong = append(alsoStrong, r)
		} else {
			cells--
		}
		uniqueHandles = append(uniqueHandles, unique.Make(ordinary.Mail(uint64(i))))
		somePairs = &pair[string, *cell]{ordinary.Name(uint64(i)), newCell(), somePairs}
		otherPairs = &pair[int, float64]{i, float64(i), otherPairs}
	}
	made("watched", 30)
	made("remembered", 15)
	made("pair[string,*main.cell]", 30)
	made("pair[int,float64]", 30)
}
