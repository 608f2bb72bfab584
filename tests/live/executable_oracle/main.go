// Oracle of tests/live/test_executable.py: prints name, address, size and type of its own package
// variables, and the words of each that lead to other memory. Built with every Go version at hand, so: the syntax of Go 1.15.
package main

import (
	"fmt"
	"os"
	"reflect"
	"sync"
)

type session struct {
	name string
	data []byte
}

type cache struct {
	mu    sync.Mutex
	byKey map[string]*session
	ring  [16]session
}

type sink interface{ put(string) error }

var (
	sessions  = map[string]*session{}
	nested    = map[int]map[string][]*session{}
	held      cache
	pointer   = &session{name: "x"}
	list      = make([]*session, 4)
	queue     = make(chan *session, 8)
	text      = "some text that is not empty"
	anything  interface{}
	out       sink
	callback  func(*session) error
	ring      [7]cache
	number    = 42
	anonymous struct {
		a int
		b *session
	}
	wide   [5000]*session
	deep   [3]struct{ parts [2]part }
	hidden = &secret{byKey: map[string]*session{}}
)

type part struct {
	sink
	*session
	named func()
	words []string
	pad   [2]byte
	any   [2]interface{}
	ready chan struct{}
	grid  [2][2]map[int]bool
}

// secret is never converted to an interface: nothing needs its descriptor.
type secret struct {
	ready bool
	byKey map[string]*session
	next  *secret
}

func show(name string, pointer interface{}) {
	v := reflect.ValueOf(pointer)
	fmt.Printf("%s %x %x %s\n", name, v.Pointer(), v.Elem().Type().Size(), v.Elem().Type())
	slots(name, v.Elem().Type(), 0, "")
}

func slots(name string, t reflect.Type, at uintptr, path string) {
	to, methods := reflect.Type(nil), 0
	switch t.Kind() {
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			slots(name, t.Field(i).Type, at+t.Field(i).Offset, path+"."+t.Field(i).Name)
		}
		return
	case reflect.Array:
		for i := 0; i < t.Len(); i++ {
			slots(name, t.Elem(), at+uintptr(i)*t.Elem().Size(), path+fmt.Sprintf("[%d]", i))
		}
		return
	case reflect.Ptr, reflect.Slice:
		to = t.Elem()
	case reflect.Map, reflect.Chan:
		to = t
	case reflect.Interface:
		if t.NumMethod() > 0 {
			methods = 1
		}
	case reflect.String, reflect.Func:
	default:
		return
	}
	if to == nil {
		fmt.Printf("slot %s %x %d %d 0 %s\t\n", name, at, t.Kind(), methods, path)
	} else {
		fmt.Printf("slot %s %x %d %d %x %s\t%s\n", name, at, t.Kind(), methods, to.Size(), path, to)
	}
}

func main() {
	number = len(os.Args)
	show("sessions", &sessions)
	show("nested", &nested)
	show("held", &held)
	show("pointer", &pointer)
	show("list", &list)
	show("queue", &queue)
	show("text", &text)
	show("anything", &anything)
	show("out", &out)
	show("callback", &callback)
	show("ring", &ring)
	show("number", &number)
	show("anonymous", &anonymous)
	show("wide", &wide)
	show("deep", &deep)
	hidden.next = hidden
	fmt.Printf("main %x\n", reflect.ValueOf(main).Pointer())
}
