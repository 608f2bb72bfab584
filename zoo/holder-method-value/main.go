// A global variable of a function type that is a method bound to its receiver: the closure that
// the compiler makes of exporter.flush holds the exporter, and that holds all.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type span struct {
	trace, id uint64
	operation string
	tags      [4]string
	children  []*span
}

type exporter struct {
	endpoint string
	pending  []*span
}

func (e *exporter) flush(limit int) int {
	if limit < len(e.pending) {
		return limit
	}
	return len(e.pending)
}

var onExit func(limit int) int

func trace(n int) *span {
	root := &span{trace: uint64(n), operation: "GET /orders/" + strconv.Itoa(n)}
	root.tags[0] = ordinary.Mail(uint64(n))
	for i := 0; i < 3; i++ {
		child := &span{trace: root.trace, id: uint64(i + 1), operation: "select " + strconv.Itoa(n*10+i)}
		root.children = append(root.children, child)
	}
	return root
}

//go:noinline
func install() *exporter {
	e := &exporter{endpoint: "collector:4317"}
	onExit = e.flush
	return e
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(75000)
	e := install()
	for i := 0; i < n; i++ {
		e.pending = append(e.pending, trace(i))
	}
	truth.Tell(&truth.Report{
		Holder:     "main.onExit",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.span", N: 4 * n}, {Type: "main.exporter", N: 1}},
	})
}
