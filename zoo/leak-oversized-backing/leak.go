package main

import (
	"bytes"
	"strconv"
	"strings"

	"zoo/ordinary"
	"zoo/truth"
)

const room = 64 << 10

type answer struct {
	path string
	body *bytes.Buffer
}

var answers = map[string]*answer{}

func render(n int, size int) *answer {
	a := &answer{"/users/" + strconv.Itoa(n), bytes.NewBuffer(make([]byte, 0, size))}
	a.body.WriteString(`{"user":"` + ordinary.Mail(uint64(n)) + `"}`)
	return a
}

const containers = 800

// wasted is what large takes less what trimmed does.
func wasted(holder string, large, trimmed func(n int)) truth.Leak {
	n := truth.Scaled(containers)
	all := truth.Grew(func() {
		for i := 0; i < n; i++ {
			large(i)
		}
	})
	used := truth.Grew(func() {
		for i := 0; i < n; i++ {
			trimmed(i)
		}
	})
	twins = nil
	return truth.Leak{Holder: holder, Count: int64(n), Bytes: all - used}
}

// What would be enough, made once more to be weighed.
var twins []interface{}

func cacheAnswers() truth.Leak {
	return wasted("main.answers", func(n int) {
		a := render(n, room)
		answers[a.path] = a
	}, func(n int) { twins = append(twins, render(n, 64)) })
}

func trimAnswers() {
	for _, a := range answers {
		a.body = bytes.NewBuffer(append([]byte(nil), a.body.Bytes()...))
	}
}

type page struct {
	title string
	html  *strings.Builder
}

var pages []*page

func build(n, size int) *page {
	p := &page{ordinary.Name(uint64(n)), &strings.Builder{}}
	p.html.Grow(size)
	p.html.WriteString("<h1>" + p.title + "</h1>")
	return p
}

func buildPages() truth.Leak {
	return wasted("main.pages", func(n int) { pages = append(pages, build(n, room)) },
		func(n int) { twins = append(twins, build(n, 32)) })
}

func trimPages() {
	for _, p := range pages {
		trimmed := &strings.Builder{}
		trimmed.WriteString(p.html.String())
		p.html = trimmed
	}
}

type row struct {
	id    int64
	name  string
	price float64
}

type result struct {
	query string
	rows  []row
}

type queryCache struct {
	hits    int
	results map[int]*result
}

var recent = queryCache{results: map[int]*result{}}

func query(n, size int) *result {
	r := &result{"select " + strconv.Itoa(n), make([]row, 0, size)}
	for i := 0; i < 4; i++ {
		r.rows = append(r.rows, row{int64(i), "", float64(n)})
	}
	return r
}

func collectRows() truth.Leak {
	return wasted("main.recent", func(n int) { recent.results[n] = query(n, 2048) },
		func(n int) { twins = append(twins, query(n, 4)) })
}

func trimRows() {
	for _, r := range recent.results {
		r.rows = append([]row(nil), r.rows...)
	}
}
