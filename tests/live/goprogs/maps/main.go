// Maps of many layouts and in many states, and what the program itself knows of each: the address of
// its header, its length, a digest of its entries, and what the heap grew by when it was filled.
//
// usage: maps
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"
)

type point struct{ x, y int64 }

type node struct {
	next *node
	name string
}

type shape struct {
	name    string
	key     func(i int) interface{}
	element func(i int) interface{}
}

func number(i int) interface{} { return i }

func text(i int) interface{} { return fmt.Sprintf("key number %d", i) }

func array(i int) interface{} {
	var a [200]byte
	copy(a[:], fmt.Sprint("array ", i))
	return a
}

func short(i int) interface{} {
	var a [120]byte
	copy(a[:], fmt.Sprint("short ", i))
	return a
}

func pointer(i int) interface{} { return &node{name: fmt.Sprint(i)} }

var shapes = []shape{
	{"int-int", number, number},
	{"string-string", text, text},
	{"string-pointer", text, pointer},
	{"struct-struct", func(i int) interface{} { return point{int64(i), 7} }, func(i int) interface{} { return point{1, int64(i)} }},
	{"array-array", array, array},
	{"int-array", number, array},
	{"array-string", array, text},
	{"uint16-short", func(i int) interface{} { return uint16(i) }, short},
	{"pointer-nothing", pointer, func(i int) interface{} { return struct{}{} }},
	{"int64-nothing", func(i int) interface{} { return int64(i) }, func(i int) interface{} { return struct{}{} }},
	{"int16-bool", func(i int) interface{} { return int16(i) }, func(i int) interface{} { return i%3 == 0 }},
	{"uint8-string", func(i int) interface{} { return uint8(i) }, text},
	{"string-slice", text, func(i int) interface{} { return []byte(fmt.Sprint(i)) }},
}

// So that reflect.MapOf finds a descriptor that the compiler made.
var described = []interface{}{
	map[int]int(nil), map[string]string(nil), map[string]*node(nil), map[point]point(nil), map[[200]byte][200]byte(nil),
	map[int][200]byte(nil), map[[200]byte]string(nil), map[uint16][120]byte(nil), map[*node]struct{}(nil),
	map[int64]struct{}(nil), map[int16]bool(nil), map[uint8]string(nil), map[string][]uint8(nil),
}

type told struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Address string `json:"address"`
	Len     int    `json:"len"`
	Digest  string `json:"digest"`
	Grown   int64  `json:"grown"` // bytes, header included; 0 not measured
	Growing bool   `json:"growing"`
	Again   int64  `json:"again"` // bytes of a map made anew for as many entries; 0 not measured
	Deleted bool   `json:"deleted"`
	PreMade bool   `json:"premade"`
}

var kept = append([]interface{}{}, described...)
var all []told

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func fnv(hash uint64, bytes []byte) uint64 {
	for _, b := range bytes {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	return hash
}

func add(hash uint64, value reflect.Value) uint64 {
	if value.Kind() == reflect.String {
		return fnv(hash, []byte(value.String()))
	}
	copied := reflect.New(value.Type())
	copied.Elem().Set(value)
	size := int(value.Type().Size())
	if size == 0 {
		return hash
	}
	bytes := (*[1 << 20]byte)(unsafe.Pointer(copied.Pointer()))[:size:size]
	return fnv(hash, bytes)
}

func digest(m reflect.Value) string {
	var sum uint64
	for i := m.MapRange(); i.Next(); {
		sum += add(add(14695981039346656037, i.Key()), i.Value())
	}
	return fmt.Sprintf("%x", sum)
}

// The words of a map's header.
func header(m reflect.Value) *[6]uintptr { return (*[6]uintptr)(unsafe.Pointer(m.Pointer())) }

func oldMaps() bool {
	for _, v := range []string{"go1.15", "go1.16", "go1.17", "go1.18", "go1.19", "go1.20", "go1.21", "go1.22", "go1.23"} {
		if strings.HasPrefix(runtime.Version(), v) {
			return true
		}
	}
	return false
}

func isGrowing(m reflect.Value) bool { return oldMaps() && header(m)[3] != 0 }

func keep(name string, m reflect.Value, t told) {
	kept = append(kept, m.Interface())
	t.Name, t.Type, t.Len = name, m.Type().String(), m.Len()
	t.Address = fmt.Sprintf("%x", m.Pointer())
	t.Digest = digest(m)
	t.Growing = isGrowing(m)
	all = append(all, t)
}

func put(m reflect.Value, s shape, i int) {
	key, element := reflect.ValueOf(s.key(i)), reflect.ValueOf(s.element(i))
	m.SetMapIndex(key, element)
}

func empty(s shape, size int) reflect.Value {
	t := reflect.MapOf(reflect.TypeOf(s.key(0)), reflect.TypeOf(s.element(0)))
	return reflect.MakeMapWithSize(t, size)
}

func filled(s shape, count int) reflect.Value {
	m := empty(s, 0)
	for i := 0; i < count; i++ {
		put(m, s, i)
	}
	return m
}

func without(m reflect.Value, left int) {
	for _, key := range m.MapKeys() {
		if m.Len() <= left {
			return
		}
		m.SetMapIndex(key, reflect.Value{})
	}
}

func states(s shape) {
	const many = 20000
	keep(s.name+" empty", empty(s, 0), told{})
	keep(s.name+" three", filled(s, 3), told{})
	keep(s.name+" eight", filled(s, 8), told{})
	keep(s.name+" forty", filled(s, 40), told{})
	keep(s.name+" many", filled(s, many), told{})

	fewer := filled(s, many)
	without(fewer, 100)
	keep(s.name+" fewer", fewer, told{Deleted: true})

	none := filled(s, many)
	without(none, 0)
	keep(s.name+" none", none, told{Deleted: true})

	refilled := filled(s, many)
	without(refilled, 10)
	for i := many; i < many+3000; i++ {
		put(refilled, s, i)
	}
	keep(s.name+" refilled", refilled, told{})

	growing := filled(s, 100)
	for i := 100; oldMaps() && i < many && !(growing.Len() > 5000 && isGrowing(growing)); i++ {
		put(growing, s, i)
	}
	keep(s.name+" growing", growing, told{})

	ready := empty(s, many)
	for i := 0; i < 5; i++ {
		put(ready, s, i)
	}
	keep(s.name+" ready", ready, told{PreMade: true})
}

var measured map[int][4]int64

func fill(count int) {
	for i := 0; i < count; i++ {
		measured[i] = [4]int64{1, 2, 3, int64(i)}
	}
}

// What the heap grows by, where no entry has memory of its own.
func measure() {
	debug.SetGCPercent(-1)
	for _, count := range []int{20, 1000, 30000, 100000, 400000} {
		var best reflect.Value
		var grown, again int64
		for try := 0; try < 5; try++ { // the runtime allocates now and then, too
			before := heap()
			measured = make(map[int][4]int64)
			fill(count)
			after := heap()
			m := measured
			measured = make(map[int][4]int64, count)
			anew := heap() - after
			measured = nil
			if try == 0 || after-before < grown {
				best, grown = reflect.ValueOf(m), after-before
			}
			if try == 0 || anew < again {
				again = anew
			}
		}
		keep(fmt.Sprint("measured ", count), best, told{Grown: grown, Again: again})
	}
	debug.SetGCPercent(100)
}

var typed = map[interface{}]interface{}{}
var cleared = map[string]point{}

func main() {
	measure()
	for _, s := range shapes {
		states(s)
	}
	for i := 0; i < 5000; i++ {
		typed[i] = fmt.Sprint(i)
		typed[fmt.Sprint(i)] = point{1, int64(i)}
		cleared[fmt.Sprint(i)] = point{}
	}
	typed[nil] = nil
	for k := range cleared { // the compiler makes this a clear
		delete(cleared, k)
	}
	cleared["one"] = point{1, 2}
	keep("interface-interface", reflect.ValueOf(typed), told{})
	keep("cleared", reflect.ValueOf(cleared), told{})
	line, err := json.Marshal(map[string]interface{}{"ready": true, "maps": all, "version": runtime.Version()})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
	wait := make(chan os.Signal, 1)
	signal.Notify(wait, syscall.SIGTERM)
	<-wait
}
