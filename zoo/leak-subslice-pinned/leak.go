package main

import (
	"strconv"

	"zoo/truth"
)

type sample struct {
	at    int64
	value float64
}

type series struct {
	name string
	tail []sample
}

var dashboards = map[string]*series{}

// measure gives the samples of one day: 64 KiB.
func measure(n int) []sample {
	all := make([]sample, 4096)
	for i := range all {
		all[i] = sample{int64(i), float64(n * i)}
	}
	return all
}

func (s *series) refresh(n int) {
	all := measure(n)
	s.tail = all[len(all)-8:]
}

const arrays = 800

func keepTails() truth.Leak {
	n := truth.Scaled(arrays)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			s := &series{name: "cpu." + strconv.Itoa(i)}
			s.refresh(i)
			dashboards[s.name] = s
		}
	})
	return truth.Leak{Holder: "main.dashboards", Count: int64(n), Bytes: bytes}
}

func mendTails() {
	for _, s := range dashboards {
		s.tail = append([]sample(nil), s.tail...)
	}
}

// Elements with pointers, all to texts of the program itself.
type event struct {
	level   string
	code    int
	details map[string]string
}

type session struct {
	user   int
	recent []event
}

var sessions []*session

var levels = []string{"debug", "info", "warning", "error"}

func history(n int) []event {
	all := make([]event, 2048)
	for i := range all {
		all[i] = event{level: levels[(n+i)%len(levels)], code: i}
	}
	return all
}

func keepRecent() truth.Leak {
	n := truth.Scaled(arrays)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			all := history(i)
			sessions = append(sessions, &session{i, all[len(all)-4:]})
		}
	})
	return truth.Leak{Holder: "main.sessions", Count: int64(n), Bytes: bytes}
}

func mendRecent() {
	for _, s := range sessions {
		s.recent = append([]event(nil), s.recent...)
	}
}
