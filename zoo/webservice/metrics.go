package main

import (
	"bytes"
	"fmt"
	"sort"
	"sync"
	"time"
)

type routeMetric struct {
	requests  uint64
	errors    uint64
	latencies [16]uint64 // requests by the power of two of their microseconds
}

type metricRegistry struct {
	mu     sync.Mutex
	routes map[string]*routeMetric
	ticks  uint64
}

var metrics = &metricRegistry{routes: map[string]*routeMetric{}}

func (m *metricRegistry) observe(route string, status int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.routes[route]
	if r == nil {
		r = new(routeMetric)
		m.routes[route] = r
	}
	r.requests++
	if status >= 400 {
		r.errors++
	}
	bucket := 0
	for us := took.Microseconds(); us > 0 && bucket < len(r.latencies)-1; us /= 2 {
		bucket++
	}
	r.latencies[bucket]++
}

func (m *metricRegistry) write(b *bytes.Buffer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, 0, len(m.routes))
	for name := range m.routes {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		r := m.routes[name]
		fmt.Fprintf(b, "requests_total{route=%q} %d\nerrors_total{route=%q} %d\n", name, r.requests, name, r.errors)
	}
}

// accessLog is a writer that keeps the last lines.
type accessLog struct {
	mu    sync.Mutex
	lines []string
	next  int
	limit int
}

func (l *accessLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < l.limit {
		l.lines = append(l.lines, string(p))
	} else {
		l.lines[l.next%l.limit] = string(p)
	}
	l.next++
	return len(p), nil
}
