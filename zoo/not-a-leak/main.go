// What seems to leak and does not. Each form is memory that a service needs as it is.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("not-a-leak",
		truth.Form{Name: "bounded-cache", Healthy: fillCache},
		truth.Form{Name: "static-table", Healthy: loadTable},
		truth.Form{Name: "pool-in-use", Healthy: usePool},
		truth.Form{Name: "half-full-buffer", Healthy: fillHalf},
		truth.Form{Name: "deep-context", Healthy: serveDeep},
		truth.Form{Name: "emptied-map", Healthy: emptyEachCycle},
		truth.Form{Name: "list-lru", Healthy: fillList},
		truth.Form{Name: "map-at-peak", Healthy: fillMap},
		truth.Form{Name: "shared-file", Healthy: parseFile},
		truth.Form{Name: "steady-sync-map", Healthy: churnSyncMap},
		truth.Form{Name: "ring-buffer", Healthy: turnRing},
		truth.Form{Name: "slab", Healthy: fillSlab},
		truth.Form{Name: "growing-slice", Healthy: appendOnce},
		truth.Form{Name: "live-children", Healthy: holdChildren},
		truth.Form{Name: "busy-channel", Healthy: keepChannelShort},
		truth.Form{Name: "finalizers", Healthy: openFiles},
		truth.Form{Name: "warm-pool", Healthy: warmPool, Unsettled: true},
		truth.Form{Name: "usual-garbage", Healthy: makeGarbage, Unsettled: true},
		truth.Form{Name: "matrix", Healthy: cutRows},
		truth.Form{Name: "long-substrings", Healthy: keepBodies},
		truth.Form{Name: "half-read", Healthy: readHalf},
		truth.Form{Name: "idle-workers", Healthy: startWorkers},
		truth.Form{Name: "labels", Healthy: internLabels},
	)
}
