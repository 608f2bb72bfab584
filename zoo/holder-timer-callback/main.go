// A timer with a far deadline: nobody keeps the *time.Timer, but the runtime does until it
// fires, and with it the callback's closure and all that the closure captured.
package main

import (
	"strconv"
	"time"

	"zoo/ordinary"
	"zoo/truth"
)

type upload struct {
	name   string
	owner  string
	chunks [][]byte
}

var expired int

//go:noinline
func expireLater(uploads map[string]*upload, after time.Duration) {
	time.AfterFunc(after, func() {
		for name := range uploads {
			delete(uploads, name)
			expired++
		}
	})
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(20000)
	uploads := map[string]*upload{}
	for i := 0; i < n; i++ {
		u := &upload{name: "upload-" + strconv.Itoa(i), owner: ordinary.Name(uint64(i))}
		for j := 0; j <= i%5; j++ {
			u.chunks = append(u.chunks, make([]byte, 700+j*100))
		}
		uploads[u.name] = u
	}
	expireLater(uploads, 30*24*time.Hour)
	truth.Tell(&truth.Report{
		Holder:     "main.expireLater.func1",
		HolderKind: "timer",
		Types:      []truth.Count{{Type: "main.upload", N: n}},
	})
}
