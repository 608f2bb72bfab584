// Program of tests/live/test_windows.py: arrays of which strings and slices see only a part, others of
// which something sees the whole, and equal strings. It tells where each array stands and what of it
// nobody sees. Built with every Go version at hand, so: the syntax of Go 1.15.
package main

import (
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// told of one array; numbers are bytes but for those of words and edges.
type told struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Listed  bool   `json:"listed"` // as an object that is seen in part
	Hidden  int    `json:"hidden"`
	Beyond  int    `json:"beyond"` // of these, what no capacity reaches
	Before  int    `json:"before"` // words with pointers
	ToCap   int    `json:"to_cap"`
	Behind  int    `json:"behind"`
	Edges   int    `json:"edges"`
	About   bool   `json:"about"` // hidden and beyond may be said to be a little less
}

var all []told

// What a test keeps. Each field is used by one.
type keeper struct {
	text    string
	second  string
	whole   string
	bytes   []byte
	number  []int64
	anys    interface{}
	raw     unsafe.Pointer
	array   *[8192]byte
	nodes   []*node
	nodes2  []*node
	pairs   []pair
	call    func() int
	texts   chan string
	byText  map[string]string
	element *pair
	array2  *[64]pair
}

var keepers []*keeper

type node struct {
	value [100]byte
	next  *node
}

type pair struct {
	left, right *node
	name        string
}

//go:noinline
func keep() *keeper {
	k := &keeper{}
	keepers = append(keepers, k)
	return k
}

func address(p unsafe.Pointer) string { return strconv.FormatUint(uint64(uintptr(p)), 16) }

func start(s string) string { return address(*(*unsafe.Pointer)(unsafe.Pointer(&s))) }

//go:noinline
func tell(t told) { all = append(all, t) }

const block = 8192 // a size class of its own, and without a header

//go:noinline
func text(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return string(b)
}

func newNodes(n int) []*node {
	list := make([]*node, n)
	for i := range list {
		list[i] = &node{}
	}
	return list
}

//go:noinline
func strings1() {
	s := text(block)
	keep().text = s[:50]
	tell(told{Name: "prefix", Address: start(s), Listed: true, Hidden: block - 50, Beyond: block - 50})

	s = text(block)
	k := keep()
	k.text, k.second = s[100:200], s[150:300]
	tell(told{Name: "overlapping", Address: start(s), Listed: true, Hidden: block - 200, Beyond: block - 200})

	s = text(block)
	for i := 0; i < 5; i++ {
		keep().text = s[i*1000 : i*1000+128]
	}
	tell(told{Name: "five", Address: start(s), Listed: true, Hidden: block - 640, Beyond: block - 640, About: true})

	s = text(block)
	for i := 0; i < 40; i++ {
		keep().text = s[i*200 : i*200+150]
	}
	tell(told{Name: "nearly all of it", Address: start(s)})

	s = text(block)
	keep().text, keep().whole = s[:50], s
	tell(told{Name: "whole elsewhere", Address: start(s)})

	s = text(block)
	keep().text = s[:block/3]
	tell(told{Name: "a third", Address: start(s)})

	s = text(block)
	keep().text = s[:50]
	keep().raw = *(*unsafe.Pointer)(unsafe.Pointer(&s))
	tell(told{Name: "unsafe pointer", Address: start(s)})

	s = text(block)
	k = keep()
	k.text, k.array = s[:50], *(**[8192]byte)(unsafe.Pointer(&s))
	tell(told{Name: "pointer to array", Address: start(s)})
}

//go:noinline
func strings2() {
	s := text(block)
	keep().anys = s[:50]
	tell(told{Name: "in an interface", Address: start(s), Listed: true, Hidden: block - 50, Beyond: block - 50})

	s = text(block)
	part := s[40:90]
	keep().call = func() int { return strings.Count(part, "a") }
	tell(told{Name: "captured", Address: start(s), Listed: true, Hidden: block - 50, Beyond: block - 50})

	s = text(block)
	k := keep()
	k.texts = make(chan string, 4)
	k.texts <- s[7:57]
	tell(told{Name: "in a channel", Address: start(s), Listed: true, Hidden: block - 50, Beyond: block - 50})

	s = text(block)
	k = keep()
	k.byText = map[string]string{s[:8]: s[100:142]}
	tell(told{Name: "in a map", Address: start(s), Listed: true, Hidden: block - 50, Beyond: block - 50})

	s = text(block)
	keep().anys = &[1]string{s[:8]}
	keep().anys = func() string { return s }
	tell(told{Name: "whole is captured", Address: start(s)})
}

//go:noinline
func bytes1() {
	b := make([]byte, block)
	keep().bytes = b[block-50:]
	tell(told{Name: "bytes at the end", Address: address(unsafe.Pointer(&b[0])), Listed: true, Hidden: block - 50,
		Beyond: block - 50})

	b = make([]byte, block)
	keep().bytes = b[:50]
	tell(told{Name: "room", Address: address(unsafe.Pointer(&b[0])), Listed: true, Hidden: block - 50})

	b = make([]byte, block)
	keep().bytes = b[:50:100]
	tell(told{Name: "cut capacity", Address: address(unsafe.Pointer(&b[0])), Listed: true, Hidden: block - 50,
		Beyond: block - 100})

	b = make([]byte, block)
	keep().bytes = b[:block/2]
	tell(told{Name: "half full", Address: address(unsafe.Pointer(&b[0]))})

	n := make([]int64, block/8)
	keep().number = n[block/8-30:]
	tell(told{Name: "numbers", Address: address(unsafe.Pointer(&n[0])), Listed: true, Hidden: block - 240,
		Beyond: block - 240})
}

//go:noinline
func nodes1() {
	list := newNodes(16)
	keep().nodes = list[1:3:3]
	tell(told{Name: "three-index slice", Address: address(unsafe.Pointer(&list[0])), Listed: true, Hidden: 14 * 8,
		Beyond: 14 * 8, Before: 1, Behind: 13, Edges: 14})

	list = newNodes(16)
	keep().nodes = list[:10]
	tell(told{Name: "cut short", Address: address(unsafe.Pointer(&list[0])), Listed: true, Hidden: 6 * 8, ToCap: 6,
		Edges: 6})

	list = make([]*node, 10, 16)
	copy(list, newNodes(10))
	keep().nodes = list
	tell(told{Name: "room for nodes", Address: address(unsafe.Pointer(&list[0]))})

	// [a b c d] without b is [a c d | d]
	list = newNodes(4)
	keep().nodes = append(list[:1], list[2:]...)
	tell(told{Name: "deleted once", Address: address(unsafe.Pointer(&list[0]))})

	// [a b c d e f] without b, then without the last, thrice
	list = newNodes(6)
	left := append(list[:1], list[2:]...)
	keep().nodes = left[:2]
	tell(told{Name: "deleted and cut", Address: address(unsafe.Pointer(&list[0])), Listed: true, Hidden: 4 * 8,
		ToCap: 3, Edges: 3})

	list = newNodes(16)
	k := keep()
	k.nodes, k.nodes2 = list[:8], list[8:]
	tell(told{Name: "two halves", Address: address(unsafe.Pointer(&list[0]))})

	list = newNodes(16)
	k = keep()
	k.nodes, k.nodes2 = list[:4:4], list[10:]
	tell(told{Name: "a gap", Address: address(unsafe.Pointer(&list[0])), Listed: true, Hidden: 6 * 8, Beyond: 6 * 8,
		Edges: 6})
}

//go:noinline
func pairs1() {
	// 16 of 32 bytes, in a slot of 512 without a header
	list := make([]pair, 16)
	for i := range list {
		list[i] = pair{&node{}, &node{}, text(24 + i)}
	}
	keep().pairs = list[:14]
	tell(told{Name: "pairs", Address: address(unsafe.Pointer(&list[0])), Listed: true, Hidden: 64, ToCap: 6, Edges: 6})

	list = make([]pair, 16)
	shared := &node{}
	for i := range list {
		list[i] = pair{shared, nil, "fixed"}
	}
	keep().pairs = list[:14]
	tell(told{Name: "what is hidden shows elsewhere", Address: address(unsafe.Pointer(&list[0]))})

	// above 512 bytes: with a type header from 1.22 on; 64 pairs fill a slot of 2048 before
	list = make([]pair, 64)
	for i := range list {
		list[i].left = &node{}
	}
	k := keep()
	k.pairs, k.element = list[60:], &list[50]
	room := 0
	if hasHeaders() {
		room = 2304 - 8 - 2048
	}
	tell(told{Name: "an element", Address: address(unsafe.Pointer(&list[0])), Listed: true, Hidden: 59*32 + room,
		Beyond: 59*32 + room, Before: 50, Edges: 59})

	list = make([]pair, 64)
	for i := range list {
		list[i].left = &node{}
	}
	k = keep()
	k.pairs, k.array2 = list[60:], (*[64]pair)(unsafe.Pointer(&list[0]))
	tell(told{Name: "pairs by their array", Address: address(unsafe.Pointer(&list[0]))})
}

func hasHeaders() bool {
	minor, _ := strconv.Atoi(strings.Split(runtime.Version(), ".")[1])
	return minor >= 22
}

//go:noinline
func onStack(ready chan bool) {
	s := text(block)
	keep().text = s[:50]
	tell(told{Name: "whole on a stack", Address: start(s)})
	ready <- true
	<-ready
	runtime.KeepAlive(s)
}

var equal []string

const equals = 1000

//go:noinline
func equal1() {
	for i := 0; i < equals; i++ {
		equal = append(equal, "the same text "+strconv.Itoa(i%10)+" as nine others", "a text of its own, "+strconv.Itoa(i))
	}
}

func main() {
	strings1()
	strings2()
	bytes1()
	nodes1()
	pairs1()
	equal1()
	ready := make(chan bool)
	go onStack(ready)
	<-ready
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"ready": true, "arrays": all, "equals": equals, "texts": 10})
	for {
		time.Sleep(time.Hour)
		runtime.KeepAlive(keepers)
	}
}
