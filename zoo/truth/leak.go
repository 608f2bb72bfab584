package truth

import (
	"flag"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
)

// Leak is what a program knows of memory that it leaks.
type Leak struct {
	// Case is the id of the catalogue; Show fills it in.
	Case string
	// Holder is the global variable ("main.sessions") or function ("main.aggregate") that holds it; of a
	// finalizer the function that it calls.
	Holder string
	// Others are holders that hold it, too.
	Others []string
	// Kind of the holder: global (which "" stands for), goroutine, finalizer, runtime or none.
	Kind string
	// Count is how many of the things that the case is about there are: stale keys, pinned blocks,
	// hidden or buffered elements, contexts never cancelled; 1 for a container that is too large.
	Count int64
	// Bytes is what Mend will free.
	Bytes int64
	// Spans says that Bytes are bytes of spans (MemStats.HeapInuse) rather than of objects (HeapAlloc).
	Spans bool
	// Stacks says that Bytes are bytes of objects and of stacks (HeapAlloc + StackInuse).
	Stacks bool
}

// Form is one of the shapes in which a leak comes. Its functions keep nothing for themselves: what
// they make is held by global variables or goroutines of the program only.
type Form struct {
	Name string
	// Leak makes the memory leak; nil for what only seems to.
	Leak func() Leak
	// Healthy does the same work in the way of the fix.
	Healthy func()
	// Mend cuts the leak as the fix says, in the running program.
	Mend func()
	// Grow lets the leak, or its healthy twin, go on for another fifth, and gives by how much the leak's
	// Count grew; nil where that shows nothing.
	Grow func() int64
	// Unsettled leaves out the last collections, for what would not outlive them.
	Unsettled bool
}

// Show is the main function of a program that is about one case: it runs the form that the arguments
// name, leaking or healthy, tells the truth about it and blocks for ever.
//
// On SIGUSR2 it mends the leak, collects and tells the line again; on SIGHUP it lets it grow.
func Show(id string, forms ...Form) {
	name := flag.String("form", forms[0].Name, "show the form `NAME`")
	healthy := flag.Bool("healthy", false, "show the healthy twin")
	list := flag.Bool("forms", false, "print the names of the forms and exit")
	flag.Parse()
	if *list {
		for _, f := range forms {
			os.Stdout.WriteString(f.Name + "\n")
		}
		return
	}
	for i := range forms {
		if forms[i].Name == *name {
			show(id, &forms[i], *healthy)
		}
	}
	os.Stderr.WriteString("no form " + *name + "\n")
	os.Exit(2)
}

func show(id string, f *Form, healthy bool) {
	Begin()
	r := Report{Case: id, Form: f.Name, Healthy: healthy, HolderKind: "none", Grow: f.Grow, Unsettled: f.Unsettled}
	if healthy || f.Leak == nil {
		r.Healthy = true
		f.Healthy()
	} else {
		leak := f.Leak()
		leak.Case = id
		if leak.Kind == "" {
			leak.Kind = "global"
		}
		r.Holder, r.HolderKind = leak.Holder, leak.Kind
		r.Leaks = []Leak{leak}
		r.Mend = f.Mend
	}
	Tell(&r)
}

// Grew runs f and gives the bytes by which the live heap grew meanwhile.
func Grew(f func()) int64 {
	old := Live()
	f()
	return Live() - old
}

// GrewWithStacks counts the bytes of stacks, too.
func GrewWithStacks(f func()) int64 {
	Settle()
	runtime.ReadMemStats(&now)
	old := int64(now.HeapAlloc + now.StackInuse)
	f()
	Settle()
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc+now.StackInuse) - old
}

// HeapAlloc and HeapInuse are the statistics of that name, without a collection.
func HeapAlloc() int64 {
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc)
}

func HeapInuse() int64 {
	runtime.ReadMemStats(&now)
	return int64(now.HeapInuse)
}

// listen takes the further signals of a program that leaks.
func listen(r *Report) {
	if r.Mend != nil {
		signal.Notify(signals, syscall.SIGUSR2)
	}
	if r.Grow != nil {
		signal.Notify(signals, syscall.SIGHUP)
	}
}

// obey changes the program as a signal asks for.
func obey(s os.Signal) {
	switch {
	case s == syscall.SIGUSR2 && told.Mend != nil:
		told.Mend()
		told.mended = true
	case s == syscall.SIGHUP && told.Grow != nil:
		old := Live()
		count := told.Grow()
		told.grown += Live() - old
		for i := range told.Leaks {
			told.Leaks[i].Count += count
			told.Leaks[i].Bytes += Live() - old
		}
	default:
		return
	}
	Settle()
	runtime.GC()
}

func appendLeaks(b []byte, r *Report) []byte {
	if r.Case != "" {
		b = appendText(b, "case", r.Case)
		b = appendText(b, "form", r.Form)
		b = appendFlag(b, "healthy", r.Healthy)
		var only Leak
		if len(r.Leaks) > 0 {
			only = r.Leaks[0]
		}
		b = appendText(b, "leak_holder", only.Holder)
		b = appendText(b, "leak_holder_kind", only.Kind)
		b = appendNumber(b, "leak_count", only.Count)
		b = appendNumber(b, "leak_bytes", only.Bytes)
		switch {
		case only.Spans:
			b = appendText(b, "leak_measure", "heap_inuse")
		case only.Stacks:
			b = appendText(b, "leak_measure", "heap_and_stacks")
		default:
			b = appendText(b, "leak_measure", "heap_alloc")
		}
	}
	b = appendFlag(b, "mended", r.mended)
	b = appendNumber(b, "grown_bytes", r.grown)
	b = append(b, `,"leaks":[`...)
	for i := range r.Leaks {
		l := &r.Leaks[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"case":`...)
		b = strconv.AppendQuote(b, l.Case)
		b = appendText(b, "holder", l.Holder)
		b = appendText(b, "holder_kind", l.Kind)
		b = appendOthers(b, l.Others)
		b = appendNumber(b, "count", l.Count)
		b = appendNumber(b, "bytes", l.Bytes)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendOthers(b []byte, names []string) []byte {
	b = append(b, `,"other_holders":[`...)
	for i := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, names[i])
	}
	return append(b, ']')
}

func appendFlag(b []byte, key string, value bool) []byte {
	b = append(b, ',')
	b = strconv.AppendQuote(b, key)
	b = append(b, ':')
	return strconv.AppendBool(b, value)
}
