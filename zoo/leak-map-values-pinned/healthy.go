package main

import "zoo/truth"

// seen is what is needed of a quote later on.
type seen struct {
	symbol string
	bid    float64
}

var seenByTrader = map[string][]seen{}

func watchPrices() {
	for i := 0; i <= truth.Scaled(26); i++ {
		refresh(i)
		next := 0
		for _, q := range quotes {
			name := traders[next%len(traders)].name
			seenByTrader[name] = append(seenByTrader[name], seen{q.symbol, q.bid})
			next++
		}
	}
}

func alertOnPrices() {
	for i := 0; i <= truth.Scaled(26); i++ {
		refresh(i)
		for symbol, q := range quotes {
			limit := q.bid * 1.1
			alerts = append(alerts, alert{symbol, func(bid float64) bool { return bid > limit }})
		}
	}
}

func indexAnew() {
	for i := 0; i <= truth.Scaled(26); i++ {
		refresh(i)
		dropIndex()
	}
}
