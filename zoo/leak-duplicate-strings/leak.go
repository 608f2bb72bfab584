package main

import (
	"strconv"

	"zoo/truth"
)

type access struct {
	at     int64
	status int
	agent  string
	host   string
}

var (
	agents = texts("Mozilla/5.0 (X11; Linux x86_64) Browser/", " like all the others, as it says of itself, version ", 40)
	hosts  = texts("front-", ".europe-west.cluster.internal.example.org", 25)
)

func texts(before, after string, n int) (all [][]byte) {
	for i := 0; i < n; i++ {
		all = append(all, []byte(before+strconv.Itoa(100+i)+after+strconv.Itoa(100+i)))
	}
	return all
}

// parse decodes one line: string(b) makes a new text each time.
func parse(n int) access {
	return access{int64(n), 200, string(agents[n%len(agents)]), string(hosts[n*7%len(hosts)])}
}

const lines = 260000

var accesses []access

func readRows() truth.Leak {
	n := truth.Scaled(lines)
	accesses = make([]access, 0, n)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			accesses = append(accesses, parse(i))
		}
	})
	return truth.Leak{Holder: "main.accesses", Count: int64(2*n - len(agents) - len(hosts)), Bytes: bytes}
}

func internRows() {
	seen := map[string]string{}
	for i := range accesses {
		accesses[i].agent = intern(seen, accesses[i].agent)
		accesses[i].host = intern(seen, accesses[i].host)
	}
}

func intern(seen map[string]string, s string) string {
	if first, ok := seen[s]; ok {
		return first
	}
	seen[s] = s
	return s
}

var labels = map[int]string{}

func readLabels() truth.Leak {
	n := truth.Scaled(lines)
	for i := 0; i < n; i++ {
		labels[i] = ""
	}
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			labels[i] = string(agents[i%len(agents)])
		}
	})
	return truth.Leak{Holder: "main.labels", Count: int64(n - len(agents)), Bytes: bytes}
}

func internLabels() {
	seen := map[string]string{}
	for i, label := range labels {
		labels[i] = intern(seen, label)
	}
}
