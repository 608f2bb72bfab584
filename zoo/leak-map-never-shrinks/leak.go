package main

import (
	"strconv"
	"time"

	"zoo/truth"
)

// tooLarge is the truth of a map that peak fills and empties again: its table less that of a map
// made anew. What still is in the map, first made before, so that it counts on neither side.
func tooLarge(holder string, first func(), peak func(), copied func() interface{}) truth.Leak {
	first()
	table := truth.Grew(peak)
	fresh := truth.Grew(func() { replacement = copied() })
	replacement = nil
	return truth.Leak{Holder: holder, Count: 1, Bytes: table - fresh}
}

var replacement interface{}

// One in a thousand stays.
func kept(n int) int {
	return n/1000 + 1
}

type order struct {
	number uint64
	placed time.Time
	cents  int64
}

var openOrders = map[uint64]*order{}

func place(number uint64) {
	openOrders[number] = &order{number, time.Now(), int64(number % 10000)}
}

func takeOrders() truth.Leak {
	n := truth.Scaled(1000000)
	return tooLarge("main.openOrders", func() {
		for i := 0; i < kept(n); i++ {
			place(uint64(i))
		}
	}, func() {
		for i := kept(n); i < n; i++ {
			place(uint64(i))
		}
		for i := kept(n); i < n; i++ {
			delete(openOrders, uint64(i))
		}
	}, func() interface{} { return copyOrders() })
}

func copyOrders() map[uint64]*order {
	next := make(map[uint64]*order)
	for number, o := range openOrders {
		next[number] = o
	}
	return next
}

func replaceOrders() {
	openOrders = copyOrders()
}

type position struct {
	latitude, longitude, altitude float64
	speed, heading                float32
	sensors                       [8]float64
}

type fleet struct {
	name     string
	vehicles map[uint32]position
}

var trucks = fleet{"north", map[uint32]position{}}

func (f *fleet) seen(vehicle uint32) {
	f.vehicles[vehicle] = position{latitude: 52.5, longitude: float64(vehicle)}
}

func trackVehicles() truth.Leak {
	n := truth.Scaled(300000)
	return tooLarge("main.trucks", func() {
		for i := 0; i < kept(n); i++ {
			trucks.seen(uint32(i))
		}
	}, func() {
		for i := kept(n); i < n; i++ {
			trucks.seen(uint32(i))
		}
		for i := kept(n); i < n; i++ {
			delete(trucks.vehicles, uint32(i))
		}
	}, func() interface{} { return trucks.copied() })
}

func (f *fleet) copied() map[uint32]position {
	next := make(map[uint32]position)
	for vehicle, p := range f.vehicles {
		next[vehicle] = p
	}
	return next
}

func replaceVehicles() {
	trucks.vehicles = trucks.copied()
}

type window struct {
	requests int32
	since    int64
}

var clients = map[string]window{}

func address(n int) string {
	return "10." + strconv.Itoa(n>>16&255) + "." + strconv.Itoa(n>>8&255) + "." + strconv.Itoa(n&255)
}

func countClients() truth.Leak {
	n := truth.Scaled(700000)
	return tooLarge("main.clients", func() {
		for i := 0; i < kept(n); i++ {
			clients[address(i)] = window{1, int64(i)}
		}
	}, func() {
		for i := kept(n); i < n; i++ {
			clients[address(i)] = window{1, int64(i)}
		}
		for i := kept(n); i < n; i++ {
			delete(clients, address(i))
		}
	}, func() interface{} { return copyClients() })
}

func copyClients() map[string]window {
	next := make(map[string]window)
	for client, w := range clients {
		next[client] = w
	}
	return next
}

func replaceClients() {
	clients = copyClients()
}

// A key of more than 128 bytes, which the map keeps outside of its table.
type flow struct {
	source, target         [16]byte
	sourcePort, targetPort uint16
	serverName             [100]byte
	protocol               uint8
}

type counters struct {
	packets, bytes uint64
	flags          [8]uint16
}

var flows = map[flow]counters{}

func flowOf(n int) flow {
	f := flow{sourcePort: uint16(n), targetPort: 443, protocol: 6}
	f.source[0], f.source[1], f.source[2] = byte(n), byte(n>>8), byte(n>>16)
	copy(f.serverName[:], "api.example.org")
	return f
}

func cacheFlows() truth.Leak {
	n := truth.Scaled(600000)
	return tooLarge("main.flows", func() {
		for i := 0; i < kept(n); i++ {
			flows[flowOf(i)] = counters{packets: 1}
		}
	}, func() {
		for i := kept(n); i < n; i++ {
			flows[flowOf(i)] = counters{packets: 1}
		}
		for i := kept(n); i < n; i++ {
			delete(flows, flowOf(i))
		}
	}, func() interface{} { return copyFlows() })
}

func copyFlows() map[flow]counters {
	next := make(map[flow]counters)
	for f, c := range flows {
		next[f] = c
	}
	return next
}

func replaceFlows() {
	flows = copyFlows()
}

var rowLocks = map[int64]int64{}

func lockRows() truth.Leak {
	n := truth.Scaled(1200000)
	return tooLarge("main.rowLocks", func() {
		for i := 0; i < kept(n); i++ {
			rowLocks[int64(i)*31] = int64(i % 97)
		}
	}, func() {
		for i := kept(n); i < n; i++ {
			rowLocks[int64(i)*31] = int64(i % 97)
		}
		for i := kept(n); i < n; i++ {
			delete(rowLocks, int64(i)*31)
		}
	}, func() interface{} { return copyLocks() })
}

func copyLocks() map[int64]int64 {
	next := make(map[int64]int64)
	for row, owner := range rowLocks {
		next[row] = owner
	}
	return next
}

func replaceLocks() {
	rowLocks = copyLocks()
}
