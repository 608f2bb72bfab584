package main

import "reflect"

// The layouts whose pointer maps need care.
type (
	// pointerFirst has no pointers after its first word.
	pointerFirst struct {
		first *cell
		rest  [70000]byte
	}
	// pointerLast has none before its last word.
	pointerLast struct {
		rest [9000]uint64
		last *cell
	}
	// wide has more pointer words than a mask in the executable is made for by newer compilers.
	wide struct {
		cells [300]*cell
		texts [50]string
		gap   [100]int64
		tail  *cell
	}
	// triple does not divide a span's element evenly when it repeats in a slice.
	triple struct {
		number  int64
		pointer *cell
		text    string
	}
	small8   struct{ pointer *cell }
	small16  struct{ text string }
	small24  struct{ bytes []byte }
	small504 struct { // with the bitmap at the span's end
		cells [63]*cell
	}
	small512 struct{ cells [64]*cell }
	small520 struct { // with a header before the object
		cells [65]*cell
	}
	almost32K struct {
		cells [4000]*cell
		rest  [90]int64
	}
)

var (
	plainBySize  [][]byte
	cellsBySize  [][]*cell
	arraysBySize []interface{}
	largePlain   []byte
	hugePlain    []int64
	largeCells   []*cell
	largeTriples []triple
	triples      [][]triple
	aFirst       *pointerFirst
	aLast        *pointerLast
	someWide     []*wide
	wideSlice    []wide
	tinies       []*[3]byte
	tinyStrings  []string
	small        []interface{}
	theSmall504  []*small504
	theSmall512  []*small512
	theSmall520  []*small520
	theAlmost32K []*almost32K
)

// sizeSteps calls f with sizes that reach every size class, and a few beyond the last.
func sizeSteps(f func(size int)) {
	for size := 8; size <= 36000; {
		f(size)
		switch {
		case size < 1024:
			size += 8
		case size < 8192:
			size += 64
		default:
			size += 512
		}
	}
}

func makeSizes() {
	shared := newCell()
	pointerType := reflect.TypeOf(shared)
	sizeSteps(func(size int) {
		plainBySize = append(plainBySize, make([]byte, size))
		pointers := make([]*cell, size/8)
		pointers[0], pointers[len(pointers)-1] = shared, newCell()
		cellsBySize = append(cellsBySize, pointers)
		array := reflect.New(reflect.ArrayOf(size/8, pointerType))
		array.Elem().Index(size/8 - 1).Set(reflect.ValueOf(newCell()))
		arraysBySize = append(arraysBySize, array.Interface())
	})
	largePlain = make([]byte, 1<<20)
	hugePlain = make([]int64, 1<<20)
	largeCells = make([]*cell, 100000)
	for i := 0; i < len(largeCells); i += 1000 {
		largeCells[i] = newCell()
	}
	largeTriples = make([]triple, 5001)
	largeTriples[5000].pointer = newCell()
	for i := 1; i < 200; i++ {
		t := make([]triple, i)
		t[i-1].pointer = newCell()
		triples = append(triples, t)
	}
	aFirst = &pointerFirst{first: newCell()}
	aLast = &pointerLast{last: newCell()}
	for i := 0; i < 10; i++ {
		w := new(wide)
		w.cells[i*30], w.tail = newCell(), newCell()
		someWide = append(someWide, w)
		theSmall504 = append(theSmall504, &small504{[63]*cell{62: newCell()}})
		theSmall512 = append(theSmall512, &small512{[64]*cell{63: newCell()}})
		theSmall520 = append(theSmall520, &small520{[65]*cell{64: newCell()}})
		theAlmost32K = append(theAlmost32K, &almost32K{cells: [4000]*cell{3999: newCell()}})
	}
	wideSlice = make([]wide, 33)
	wideSlice[32].tail = newCell()
	for i := 0; i < 1000; i++ {
		tinies = append(tinies, &[3]byte{byte(i)})
		tinyStrings = append(tinyStrings, string([]byte{'a' + byte(i%26), 'b', 'c'}))
		small = append(small, &small8{newCell()}, &small16{"a constant"}, &small24{nil})
	}
	made("pointerFirst", 1)
	made("pointerLast", 1)
	made("wide", 10)
	made("small8", 1000)
	made("small16", 1000)
	made("small24", 1000)
	made("small504", 10)
	made("small512", 10)
	made("small520", 10)
	made("almost32K", 10)
}
