// Oracle of tests/live/test_pclntab.py: prints the first words of its own moduledata, then, for
// each program counter on standard input, what its own runtime says about it. Built with every Go
// version at hand, so: the syntax of Go 1.15.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"unsafe"
)

//go:linkname firstmoduledata runtime.firstmoduledata
var firstmoduledata [64]uintptr

type funcInfo struct {
	fn    unsafe.Pointer
	datap unsafe.Pointer
}

//go:linkname findfunc runtime.findfunc
func findfunc(pc uintptr) funcInfo

//go:linkname funcdata runtime.funcdata
func funcdata(f funcInfo, i uint8) unsafe.Pointer

//go:linkname expand runtime/pprof.runtime_expandFinalInlineFrame
func expand(stk []uintptr) []uintptr

// Something to inline, three deep and in a loop, and a method and a closure.
type shape struct{ sides []int }

func inner(a int) int { return a*3 + len(os.Args) }
func middle(a int) int {
	b := inner(a) + 1
	return inner(b) ^ a
}
func outer(a int) int { return middle(a) + middle(a+1) }
func (s *shape) sum() (total int) {
	for _, n := range s.sides {
		total += outer(n)
	}
	sort.Slice(s.sides, func(i, j int) bool { return outer(s.sides[i]) < outer(s.sides[j]) })
	return
}

func frames(pc uintptr) string {
	var b strings.Builder
	// Both want the address after the call.
	for _, p := range expand([]uintptr{pc + 1}) {
		f, _ := runtime.CallersFrames([]uintptr{p}).Next()
		fmt.Fprintf(&b, "\t%s|%s|%d", f.Function, f.File, f.Line)
	}
	return b.String()
}

func main() {
	s := &shape{sides: []int{3, 1, 2, len(os.Args)}}
	if s.sum() == 0 {
		fmt.Println("never")
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	fmt.Fprint(out, "M")
	for _, w := range firstmoduledata {
		fmt.Fprintf(out, " %x", w)
	}
	fmt.Fprintln(out)
	out.Flush()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var pc uintptr
		fmt.Sscanf(in.Text(), "%x", &pc)
		f := findfunc(pc)
		if f.fn == nil {
			fmt.Fprintf(out, "P %x none\n", pc)
			continue
		}
		fmt.Fprintf(out, "P %x\t%d", pc, depth(f, pc))
		for table := 0; table < 3; table++ {
			fmt.Fprintf(out, " %d", pcdata(f, uint32(table), pc))
		}
		for _, which := range [4]uint8{0, 1, stackObjects, inlineTree} {
			fmt.Fprintf(out, " %x", uintptr(funcdata(f, which)))
		}
		fmt.Fprintln(out, frames(pc))
	}
	out.Flush()
}
