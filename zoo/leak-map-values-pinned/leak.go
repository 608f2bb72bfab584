package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type quote struct {
	symbol string
	bid    float64
	depth  [500]float64
}

// Emptied and filled again at each refresh.
var quotes = map[string]*quote{}

const symbols = 500

func refresh(round int) {
	for symbol := range quotes {
		delete(quotes, symbol)
	}
	for i := 0; i < symbols; i++ {
		q := &quote{symbol: "SYM" + strconv.Itoa(i), bid: float64(round + i)}
		quotes[q.symbol] = q
	}
}

// rounds refreshes and lets take have what is new. The last round's quotes are no leak.
func rounds(holder string, take func()) truth.Leak {
	n := truth.Scaled(26)
	refresh(0)
	take()
	bytes := truth.Grew(func() {
		for i := 1; i <= n; i++ {
			refresh(i)
			take()
		}
	})
	return truth.Leak{Holder: holder, Count: int64(n * symbols), Bytes: bytes}
}

type trader struct {
	name    string
	watched []*quote
}

var traders = makeTraders()

func makeTraders() (all []*trader) {
	for i := 0; i < 50; i++ {
		all = append(all, &trader{name: ordinary.Name(uint64(i))})
	}
	return all
}

func watchQuotes() truth.Leak {
	return rounds("main.traders", func() {
		next := 0
		for _, q := range quotes {
			t := traders[next%len(traders)]
			t.watched = append(t.watched, q)
			next++
		}
	})
}

func dropWatched() {
	for _, t := range traders {
		var current []*quote
		for _, q := range t.watched {
			if quotes[q.symbol] == q {
				current = append(current, q)
			}
		}
		t.watched = current
	}
}

type alert struct {
	symbol string
	fires  func(bid float64) bool
}

var alerts []alert

func alertOnQuotes() truth.Leak {
	return rounds("main.alerts", func() {
		for symbol, q := range quotes {
			seen := q
			alerts = append(alerts, alert{symbol, func(bid float64) bool { return bid > seen.bid*1.1 }})
		}
	})
}

func dropAlerts() {
	alerts = append([]alert(nil), alerts[len(alerts)-symbols:]...)
}

type key struct {
	symbol string
	bid    int64
}

var byPrice = map[key]*quote{}

func indexQuotes() truth.Leak {
	return rounds("main.byPrice", index)
}

func index() {
	for symbol, q := range quotes {
		byPrice[key{symbol, int64(q.bid)}] = q
	}
}

func dropIndex() {
	byPrice = map[key]*quote{}
	index()
}
