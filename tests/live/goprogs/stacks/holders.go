package main

import (
	"reflect"
	"runtime"
	"strconv"
)

type pair struct{ first, second *blob }

func startHolders() {
	for _, f := range []func(){
		local, deadLocal, argument, deadArgument, object, deadObject, partOfObject, array, structure,
		anInterface, slice, text, closure, deadClosure, deferredClosure, deferredCalls, deferredMany,
		methodValue, makeFunc, reflectMethod, sending, selecting, bigObject, mediumObject, results, chained,
		loopVariable, aMap, largeFrame, interior,
	} {
		start(f)
	}
	fresh := newBlob("go-argument")
	started.Add(1)
	go goArgument(fresh, 1, newBlob("go-argument-dead"))
}

func local() {
	b := newBlob("local")
	park()
	use(b)
}

func deadLocal() {
	b := newBlob("dead-local")
	use(b)
	park()
}

func argument() { takeArgument(newBlob("argument"), 7) }

//go:noinline
func takeArgument(b *blob, n int) {
	park()
	use(b)
}

func deadArgument() { takeDeadArgument(newBlob("dead-argument"), newBlob("live-argument")) }

//go:noinline
func takeDeadArgument(a, b *blob) {
	use(a)
	park()
	use(b)
}

func goArgument(b *blob, n int, other *blob) {
	use(other)
	park()
	use(b)
}

//go:noinline
func fill(p *pair, name string) {
	p.first = newBlob(name + "-first")
	p.second = newBlob(name + "-second")
}

//go:noinline
func consume(p *pair) {
	use(p.first)
	use(p.second)
}

func object() {
	var p pair
	fill(&p, "object")
	park()
	consume(&p)
}

func deadObject() {
	var p pair
	fill(&p, "dead-object")
	consume(&p)
	park()
}

func partOfObject() {
	var p [3]pair
	for i := range p {
		fill(&p[i], "part"+strconv.Itoa(i))
	}
	q := &p[1]
	park()
	consume(q)
}

func array() {
	var a [9]*blob
	for i := range a {
		a[i] = newBlob("array" + strconv.Itoa(i))
	}
	park()
	for i := range a {
		use(a[i])
	}
}

func structure() {
	s := struct {
		n int
		b *blob
		t string
		c *blob
	}{n: 1, b: newBlob("structure-b"), t: "x", c: newBlob("structure-c")}
	park()
	use(s.b)
	use(s.c)
}

func anInterface() {
	var i interface{} = newBlob("interface")
	park()
	use(i.(*blob))
}

func slice() {
	s := []*blob{newBlob("slice0"), newBlob("slice1")}
	park()
	for _, b := range s {
		use(b)
	}
}

func text() {
	b := newBlob("text")
	p := &b.name
	park()
	runtime.KeepAlive(p)
}

func closure() {
	b := newBlob("closure")
	f := func() {
		park()
		use(b)
	}
	call(f)
	b = nil
}

func deadClosure() {
	b := newBlob("dead-closure")
	f := func() {
		use(b)
		park()
	}
	f()
}

//go:noinline
func call(f func()) { f() }

func deferredClosure() {
	b := newBlob("deferred-closure")
	defer func() { use(b) }()
	park()
}

func deferredCalls() {
	defer use(newBlob("deferred-call"))
	defer takeArgument(newBlob("deferred-second"), 1)
	park()
}

func deferredMany() {
	for i := 0; i < 5; i++ {
		defer use(newBlob("deferred-many" + strconv.Itoa(i)))
	}
	park()
}

func (b *blob) wait() {
	park()
	use(b)
}

func (b *blob) waitWith(other *blob) *blob {
	park()
	use(b)
	return other
}

func methodValue() {
	f := newBlob("method-value").wait
	call(f)
}

func makeFunc() {
	body := func(args []reflect.Value) []reflect.Value {
		park()
		return args[:1]
	}
	f := reflect.MakeFunc(reflect.TypeOf(func(*blob, int) *blob { return nil }), body).Interface().(func(*blob, int) *blob)
	use(f(newBlob("make-func"), 3))
}

func reflectMethod() {
	f := reflect.ValueOf(newBlob("reflect-receiver")).MethodByName("WaitWith").Interface().(func(*blob) *blob)
	use(f(newBlob("reflect-argument")))
}

// WaitWith is exported for reflect.
func (b *blob) WaitWith(other *blob) *blob { return b.waitWith(other) }

func sending() {
	c := make(chan *blob)
	started.Done()
	c <- newBlob("sending")
}

func selecting() {
	c, d := make(chan *blob), make(chan pair)
	p := pair{newBlob("selecting-first"), newBlob("selecting-second")}
	started.Done()
	select {
	case c <- newBlob("selecting"):
	case d <- p:
	case <-never:
	}
}

//go:noinline
func fillMany(a []*blob, name string) {
	a[0] = newBlob(name + "-first")
	a[len(a)-1] = newBlob(name + "-last")
}

//go:noinline
func useMany(a []*blob) {
	for _, b := range a {
		use(b)
	}
}

// 160 KB of pointers: up to Go 1.23 on the stack, and its mask is a GC program; later on the heap.
func bigObject() {
	var a [20000]*blob
	fillMany(a[:], "big")
	park()
	useMany(a[:])
}

func mediumObject() {
	var a [16000]*blob
	fillMany(a[:], "medium")
	park()
	useMany(a[:])
}

//go:noinline
func makeResults() (a *blob, n int, b *blob) {
	return newBlob("result-a"), 1, newBlob("result-b")
}

func results() {
	a, _, b := makeResults()
	park()
	use(a)
	use(b)
}

func chained() {
	b := newBlob("chain-head")
	b.next = newBlob("chain-next")
	park()
	use(b)
}

func loopVariable() {
	for _, name := range []string{"loop-dead", "loop-live"} {
		b := newBlob(name)
		if name == "loop-live" {
			park()
		}
		use(b)
	}
}

func aMap() {
	m := map[string]*blob{"x": newBlob("map")}
	park()
	use(m["x"])
}

func largeFrame() {
	var space [4000]uintptr
	b := newBlob("large-frame")
	for i := range space {
		space[i] = uintptr(i)
	}
	park()
	use(b)
	for _, v := range space {
		b.pad[1] += v
	}
}

func interior() {
	p := &newBlob("interior").pad[3]
	park()
	*p++
}
