// Two globals share one structure: a cache of pages, linked from the newest to the oldest, and a
// metric that points into the middle of it, at a field of a page half way down. From that page on
// both hold the pages together; the newer ones belong to the cache alone. Cutting either variable
// frees nothing of what is shared.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type page struct {
	url   string
	hits  uint64
	older *page
	body  []byte
}

type pageCache struct {
	name   string
	newest *page
	count  int
}

type metric struct {
	name    string
	value   *uint64
	samples []float64
}

var (
	pages   pageCache
	hottest metric
)

func (c *pageCache) add(n int) {
	c.newest = &page{
		url:   "/article/" + strconv.Itoa(n) + "/" + ordinary.Name(uint64(n)),
		older: c.newest,
		body:  make([]byte, 150+n%350),
	}
	c.count++
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(60000)
	start := truth.Live()
	for i := 0; i < n; i++ {
		pages.add(i)
	}
	shared := truth.Live() - start
	hottest.value = &pages.newest.hits
	hottest.samples = make([]float64, truth.Scaled(512<<10))
	own := truth.Live() - start - shared
	for i := 0; i < n; i++ {
		pages.add(n + i)
	}
	alone := truth.Live() - start - shared - own
	truth.Tell(&truth.Report{
		Holder:     "main.pages",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.page", N: 2 * n}},
		Others:     []string{"main.hottest"},
		Facts: []truth.Fact{
			{Key: "alone_bytes", Value: alone},
			{Key: "shared_bytes", Value: shared},
			{Key: "other_alone_bytes", Value: own},
		},
	})
}
