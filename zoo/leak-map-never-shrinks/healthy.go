package main

import "zoo/truth"

// Each of them replaces its map once it holds less than an eighth of what it held at most.

func takeOrdersAndShrink() {
	n := truth.Scaled(1000000)
	for i := 0; i < n; i++ {
		place(uint64(i))
	}
	peak := len(openOrders)
	for i := kept(n); i < n; i++ {
		delete(openOrders, uint64(i))
		if len(openOrders) < peak/8 {
			replaceOrders()
			peak = len(openOrders)
		}
	}
}

func trackVehiclesAndShrink() {
	n := truth.Scaled(300000)
	for i := 0; i < n; i++ {
		trucks.seen(uint32(i))
	}
	peak := len(trucks.vehicles)
	for i := kept(n); i < n; i++ {
		delete(trucks.vehicles, uint32(i))
		if len(trucks.vehicles) < peak/8 {
			replaceVehicles()
			peak = len(trucks.vehicles)
		}
	}
}

func countClientsAndShrink() {
	n := truth.Scaled(700000)
	for i := 0; i < n; i++ {
		clients[address(i)] = window{1, int64(i)}
	}
	peak := len(clients)
	for i := kept(n); i < n; i++ {
		delete(clients, address(i))
		if len(clients) < peak/8 {
			replaceClients()
			peak = len(clients)
		}
	}
}

func cacheFlowsAndShrink() {
	n := truth.Scaled(600000)
	for i := 0; i < n; i++ {
		flows[flowOf(i)] = counters{packets: 1}
	}
	peak := len(flows)
	for i := kept(n); i < n; i++ {
		delete(flows, flowOf(i))
		if len(flows) < peak/8 {
			replaceFlows()
			peak = len(flows)
		}
	}
}

func lockRowsAndShrink() {
	n := truth.Scaled(1200000)
	for i := 0; i < n; i++ {
		rowLocks[int64(i)*31] = int64(i % 97)
	}
	peak := len(rowLocks)
	for i := kept(n); i < n; i++ {
		delete(rowLocks, int64(i)*31)
		if len(rowLocks) < peak/8 {
			replaceLocks()
			peak = len(rowLocks)
		}
	}
}
