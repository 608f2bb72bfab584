// Maps within maps within a global map: quotas by tenant, user and resource number.
package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type quota struct {
	limit   int64
	used    int64
	comment string
}

type byResource map[int]*quota

var quotas = map[string]map[string]byResource{}

func main() {
	ordinary.Load()
	truth.Begin()
	tenants := truth.Scaled(440)
	n := 0
	for t := 0; t < tenants; t++ {
		users := map[string]byResource{}
		for u := 0; u < 60; u++ {
			resources := byResource{}
			// From a map of one group to one that has grown twice.
			for r := 0; r < 4+u%40; r++ {
				resources[r*17] = &quota{int64(r), int64(u), "set by " + ordinary.Name(uint64(t+u+r))}
				n++
			}
			users[ordinary.Mail(uint64(t*60+u))] = resources
		}
		quotas["tenant-"+strconv.Itoa(t)] = users
	}
	truth.Tell(&truth.Report{
		Holder:     "main.quotas",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.quota", N: n}},
		Facts:      []truth.Fact{{Key: "map_entries", Value: int64(len(quotas))}},
	})
}
