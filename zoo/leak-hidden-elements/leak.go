package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type hit struct {
	title string
	score float64
	page  []byte
}

var best = map[string][]*hit{}

// search gives 16 hits; the first is an advertisement.
func search(n int) []*hit {
	hits := make([]*hit, 16)
	for i := range hits {
		hits[i] = &hit{title: ordinary.Name(uint64(n + i)), score: 1 / float64(1+i), page: make([]byte, 2000)}
	}
	return hits
}

const queries = 1700

func query(n int) string {
	return "query " + strconv.Itoa(n)
}

// keep keeps two of them: one is before what is seen, 13 are behind it.
func keep(n int) {
	for i := 0; i < n; i++ {
		best[query(i)] = search(i)[1:3:3]
	}
}

func keepBest() truth.Leak {
	n := truth.Scaled(queries)
	shown := truth.Grew(func() {
		keep(n)
		mendBest()
	})
	best = map[string][]*hit{}
	all := truth.Grew(func() { keep(n) })
	return truth.Leak{Holder: "main.best", Count: int64(n * 14), Bytes: all - shown}
}

func mendBest() {
	for _, hits := range best {
		// The array behind it begins one slot before.
		all := whole(hits)
		for i := range all {
			if i != 1 && i != 2 {
				all[i] = nil
			}
		}
	}
}

type job struct {
	id     int
	name   string
	result []byte
	done   bool
}

type queue struct {
	name string
	jobs []*job
}

var night = &queue{name: "night"}

func newJob(n int) *job {
	return &job{id: n, name: ordinary.Name(uint64(n)), result: make([]byte, 4000)}
}

func (q *queue) remove(id int) {
	for i, j := range q.jobs {
		if j.id == id {
			q.jobs = append(q.jobs[:i], q.jobs[i+1:]...)
			return
		}
	}
}

const (
	jobs     = 12000
	openJobs = 25
)

func fillJobs() int {
	n := truth.Scaled(jobs)
	night.jobs = make([]*job, 0, n+openJobs)
	for i := 0; i < openJobs; i++ {
		night.jobs = append(night.jobs, newJob(i))
	}
	return n
}

// deleteJobs: the newest jobs end first.
func deleteJobs() truth.Leak {
	n := fillJobs()
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			night.jobs = append(night.jobs, newJob(openJobs+i))
		}
		for i := n - 1; i >= 0; i-- {
			last := len(night.jobs) - 1
			if last-10 > 0 && night.jobs[last].id == openJobs+i {
				night.jobs = append(night.jobs[:last], night.jobs[last+1:]...)
			} else {
				night.remove(openJobs + i)
			}
		}
	})
	return truth.Leak{Holder: "main.night", Count: int64(n), Bytes: bytes}
}

func clearJobs() {
	hidden := night.jobs[len(night.jobs):cap(night.jobs)]
	for i := range hidden {
		hidden[i] = nil
	}
}

type peer struct {
	address string
	alive   bool
	window  [480]uint64
}

var peers []*peer

func join(from, to int) {
	for i := from; i < to; i++ {
		peers = append(peers, &peer{address: "10.0.0." + strconv.Itoa(i), alive: i < openJobs})
	}
}

// filterPeers sweeps in place: those that are alive move to the front.
func filterPeers() truth.Leak {
	n := truth.Scaled(jobs)
	peers = make([]*peer, 0, n+openJobs)
	join(0, openJobs)
	bytes := truth.Grew(func() {
		join(openJobs, openJobs+n)
		alive := peers[:0]
		for _, p := range peers {
			if p.alive {
				alive = append(alive, p)
			}
		}
		peers = alive
	})
	return truth.Leak{Holder: "main.peers", Count: int64(n), Bytes: bytes}
}

func clearPeers() {
	hidden := peers[len(peers):cap(peers)]
	for i := range hidden {
		hidden[i] = nil
	}
}

type letter struct {
	to   string
	body []byte
}

type mailbox struct {
	waiting []*letter
}

var outgoing mailbox

func (m *mailbox) pop() *letter {
	first := m.waiting[0]
	m.waiting = m.waiting[1:]
	return first
}

func write(n int) *letter {
	return &letter{ordinary.Mail(uint64(n)), make([]byte, 4000)}
}

// popLetters takes them from the front and moves the window on.
func popLetters() truth.Leak {
	n := truth.Scaled(jobs)
	outgoing.waiting = make([]*letter, 0, n+openJobs)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			outgoing.waiting = append(outgoing.waiting, write(i))
		}
		for i := 0; i < n; i++ {
			outgoing.pop()
		}
	})
	for i := 0; i < openJobs; i++ {
		outgoing.waiting = append(outgoing.waiting, write(i))
	}
	return truth.Leak{Holder: "main.outgoing", Count: int64(n), Bytes: bytes}
}

func clearLetters() {
	outgoing.waiting = append([]*letter(nil), outgoing.waiting...)
}
