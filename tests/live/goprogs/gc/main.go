// What the collector goes by, as the program itself reads it: GOGC, GOMEMLIMIT and garbage as the
// environment says.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

var kept [][]byte

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name))
	return n
}

func main() {
	for i := 0; i < number("KEPT"); i++ {
		kept = append(kept, make([]byte, 1<<20))
	}
	for i := 0; i < number("CYCLES"); i++ {
		runtime.GC()
	}
	if text := os.Getenv("PERCENT"); text != "" {
		debug.SetGCPercent(number("PERCENT"))
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Printf("{\"ready\":true,\"pid\":%d,\"next_gc\":%d,\"num_gc\":%d,\"last_gc\":%d}\n",
		os.Getpid(), stats.NextGC, stats.NumGC, stats.LastGC)
	for {
		time.Sleep(time.Hour)
	}
}
