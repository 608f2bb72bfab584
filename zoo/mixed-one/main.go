// Three leaks among 500 MiB of a service in which all else is well: a map that does not shrink, texts
// that a few bytes keep, contexts that nobody cancels. SIGUSR2 mends all three.
package main

import (
	"context"
	"strconv"
	"strings"

	"zoo/ordinary"
	"zoo/service"
	"zoo/truth"
)

type visit struct {
	country string
	count   int32
	last    int64
}

// Emptied at midnight.
var visits = map[uint64]visit{}

func countVisits() truth.Leak {
	n := truth.Scaled(1500000)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			visits[uint64(i)*7919] = visit{"de", 1, int64(i)}
		}
		for i := 0; i < n-n/2000; i++ {
			delete(visits, uint64(i)*7919)
		}
	})
	bytes -= truth.Grew(func() { kept = copyVisits() })
	kept = nil
	return truth.Leak{Case: "map-never-shrinks", Holder: "main.visits", Kind: "global", Count: 1, Bytes: bytes}
}

var kept map[uint64]visit

func copyVisits() map[uint64]visit {
	next := map[uint64]visit{}
	for ip, v := range visits {
		next[ip] = v
	}
	return next
}

// The identity that came with a request, cut out of its text.
type identity struct {
	subject string
	roles   []string
}

type directory struct {
	byRoom [16][]*identity
}

var people = &directory{}

func (d *directory) read(n int) {
	var b strings.Builder
	b.Grow(32 << 10)
	b.WriteString("sub=" + ordinary.Mail(uint64(n)) + ";")
	for b.Len() < 32<<10-16 {
		b.WriteString("claim=" + strconv.Itoa(n) + ";")
	}
	text := b.String()
	room := &d.byRoom[n%len(d.byRoom)]
	*room = append(*room, &identity{subject: text[len("sub="):strings.IndexByte(text, ';')], roles: roles[:n%3]})
}

var roles = []string{"reader", "writer", "owner"}

func readPeople() truth.Leak {
	n := truth.Scaled(2900)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			people.read(i)
		}
	})
	return truth.Leak{Case: "substring-pinned", Holder: "main.people", Kind: "global", Count: int64(n), Bytes: bytes}
}

type job struct {
	id   int
	rows [900]int64
}

type jobKey struct{}

var jobs, stopJobs = context.WithCancel(context.Background())

func run(n int) {
	ctx, _ := context.WithCancel(context.WithValue(jobs, jobKey{}, &job{id: n}))
	ran += ctx.Value(jobKey{}).(*job).id
}

var ran int

func runJobs() truth.Leak {
	n := truth.Scaled(14000)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			run(i)
		}
	})
	return truth.Leak{Case: "context-children", Holder: "main.jobs", Others: []string{"main.stopJobs"}, Kind: "global", Count: int64(n), Bytes: bytes}
}

func mend() {
	visits = copyVisits()
	for _, room := range people.byRoom {
		for _, p := range room {
			p.subject = string([]byte(p.subject))
		}
	}
	stopJobs()
}

func main() {
	ordinary.Load()
	truth.Begin()
	service.Load()
	leaks := []truth.Leak{countVisits(), readPeople(), runJobs()}
	truth.Tell(&truth.Report{HolderKind: "none", Leaks: leaks, Mend: mend})
}
