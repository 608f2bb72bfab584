package main

import "zoo/truth"

func readInterned() {
	n := truth.Scaled(lines)
	seen := map[string]string{}
	for i := 0; i < n; i++ {
		a := parse(i)
		a.agent, a.host = intern(seen, a.agent), intern(seen, a.host)
		accesses = append(accesses, a)
	}
}

func readInternedLabels() {
	n := truth.Scaled(lines)
	seen := map[string]string{}
	for i := 0; i < n; i++ {
		labels[i] = intern(seen, string(agents[i%len(agents)]))
	}
}
