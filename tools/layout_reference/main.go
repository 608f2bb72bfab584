// The reference program whose DWARF the layout tables are read from. It does a little of
// everything, so that the linker keeps every type of the runtime that leakhound decodes; what it
// computes does not matter. Go 1.15 syntax; newer features live in the files named after the
// version that brought them.
package main

import (
	"bufio"
	"bytes"
	"container/heap"
	"container/list"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type shape interface {
	Area() float64
}

type square struct {
	side float64
	next *square
}

func (s *square) Area() float64 { return s.side * s.side }

type ints []int

func (h ints) Len() int            { return len(h) }
func (h ints) Less(i, j int) bool  { return h[i] < h[j] }
func (h ints) Swap(i, j int)       { h[i], h[j] = h[j], h[i] }
func (h *ints) Push(x interface{}) { *h = append(*h, x.(int)) }
func (h *ints) Pop() interface{} {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

type contextKey struct{}

// Kept in globals, so that escape analysis cannot drop them.
var (
	keptMap     = map[string]*square{}
	keptNumbers = map[int64]int64{}
	keptAny     = map[interface{}]interface{}{}
	keptSmall   = map[int32]int32{}
	keptShape   shape
	keptEmpty   interface{}
	keptChannel = make(chan *square, 4)
	keptList    = list.New()
	keptMutex   sync.Mutex
	keptRW      sync.RWMutex
	keptOnce    sync.Once
	keptGroup   sync.WaitGroup
	keptCond    = sync.NewCond(&keptMutex)
	keptPool    = sync.Pool{New: func() interface{} { return new(square) }}
	keptSyncMap sync.Map
	keptTimer   *time.Timer
	keptTicker  *time.Ticker
	keptContext context.Context
	keptBuffer  bytes.Buffer
	keptBuilder strings.Builder
	keptFunc    func() int
	keptValue   atomic.Value
	keptSlices  [][]string
	newer       []func()
)

func maps() {
	for i := 0; i < 100; i++ {
		name := fmt.Sprint(i)
		keptMap[name] = &square{side: float64(i)}
		keptNumbers[int64(i)] = int64(i)
		keptSmall[int32(i)] = int32(i)
		keptAny[i] = name
		keptSyncMap.Store(name, i)
		keptSyncMap.LoadOrStore(i, name)
	}
	delete(keptMap, "1")
	for k, v := range keptMap {
		keptEmpty = [2]interface{}{k, v}
	}
	keptSyncMap.Range(func(k, v interface{}) bool { return k != v })
	keptSyncMap.Delete("2")
}

func channels() {
	stop := make(chan struct{})
	for i := 0; i < 3; i++ {
		keptGroup.Add(1)
		go func() {
			defer keptGroup.Done()
			for {
				select {
				case s := <-keptChannel:
					keptShape = s
				case <-stop:
					return
				case <-time.After(time.Second):
				}
			}
		}()
	}
	for i := 0; i < 10; i++ {
		keptChannel <- &square{side: 1}
	}
	close(stop)
	keptGroup.Wait()
}

func timers() {
	keptTimer = time.AfterFunc(time.Hour, func() {})
	keptTimer.Reset(time.Minute)
	keptTicker = time.NewTicker(time.Hour)
	keptTicker.Stop()
	keptTimer.Stop()
	outer, cancelOuter := context.WithCancel(context.WithValue(context.Background(), contextKey{}, 1))
	inner, cancelInner := context.WithTimeout(outer, time.Hour)
	keptContext = inner
	cancelInner()
	cancelOuter()
	<-inner.Done()
}

func locks() {
	keptMutex.Lock()
	keptMutex.Unlock()
	keptRW.RLock()
	keptRW.RUnlock()
	keptRW.Lock()
	keptRW.Unlock()
	keptOnce.Do(func() { keptValue.Store(1) })
	done := false
	go func() {
		keptMutex.Lock()
		done = true
		keptMutex.Unlock()
		keptCond.Broadcast()
		keptCond.Signal()
	}()
	keptMutex.Lock()
	for !done {
		keptCond.Wait()
	}
	keptMutex.Unlock()
	keptPool.Put(keptPool.Get())
}

func deferred() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(fmt.Sprint(r))
		}
	}()
	for i := 0; i < 3; i++ {
		defer func(i int) { keptEmpty = i }(i)
	}
	panic("on purpose")
}

func reflection() {
	for _, v := range []interface{}{keptMap, keptChannel, keptShape, square{}, keptSlices, [3]int{},
		reflection, new(int), &keptEmpty, "text", errors.New} {
		t := reflect.TypeOf(v)
		for i := 0; i < t.NumMethod(); i++ {
			keptEmpty = t.Method(i)
		}
		if t.Kind() == reflect.Struct {
			keptEmpty = t.Field(0)
		}
		keptEmpty = reflect.New(t).Elem().Interface()
	}
	keptEmpty = reflect.MakeMap(reflect.TypeOf(keptMap)).MapRange()
	keptEmpty = reflect.ValueOf(keptShape).MethodByName("Area")
	keptEmpty = reflect.MapOf(reflect.TypeOf(1), reflect.TypeOf(""))
	keptEmpty = reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeOf(1)}})
	keptEmpty = reflect.FuncOf(nil, []reflect.Type{reflect.TypeOf(1)}, false)
	keptEmpty = reflect.ChanOf(reflect.BothDir, reflect.TypeOf(1))
	keptEmpty = reflect.MakeFunc(reflect.TypeOf(reflection), nil)
}

func profiles() {
	runtime.MemProfileRate = 1
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	out := bufio.NewWriter(&keptBuffer)
	for _, p := range pprof.Profiles() {
		p.WriteTo(out, 0)
		p.WriteTo(out, 2)
	}
	if pprof.StartCPUProfile(out) == nil {
		pprof.StopCPUProfile()
	}
	if trace.Start(out) == nil {
		trace.Stop()
	}
	pprof.Do(context.Background(), pprof.Labels("key", "value"), func(context.Context) {})
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	debug.SetGCPercent(100)
	debug.SetMaxStack(1 << 26)
	debug.FreeOSMemory()
	debug.PrintStack()
	pcs := make([]uintptr, 10)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	for {
		frame, more := frames.Next()
		keptEmpty = frame
		if !more {
			break
		}
	}
	if f, err := os.Create(os.DevNull); err == nil {
		debug.WriteHeapDump(f.Fd())
		f.Close()
	}
}

func main() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	finalized := new(square)
	runtime.SetFinalizer(finalized, func(*square) {})
	queue := &ints{3, 1, 2}
	heap.Init(queue)
	heap.Push(queue, 5)
	keptEmpty = heap.Pop(queue)
	keptList.PushBack(queue)
	fmt.Fprintln(&keptBuilder, keptList.Front().Value)
	base := len(os.Args)
	keptFunc = func() int { base++; return base }
	maps()
	channels()
	timers()
	locks()
	keptEmpty = deferred()
	reflection()
	profiles()
	for _, run := range newer {
		run()
	}
	runtime.LockOSThread()
	runtime.UnlockOSThread()
	runtime.GOMAXPROCS(runtime.NumCPU())
	runtime.GC()
	runtime.KeepAlive(finalized)
	fmt.Fprintln(os.Stderr, keptFunc(), keptEmpty, runtime.NumGoroutine())
}
