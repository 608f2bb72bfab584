// Case listener-growth: each run of a scheduled task registers a listener and none is ever removed.
// SIGHUP lets a fifth more runs happen.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("listener-growth",
		truth.Form{Name: "funcs", Leak: subscribeFuncs, Healthy: subscribeAndCancel, Mend: removeFuncs, Grow: moreFuncs},
		truth.Form{Name: "interfaces", Leak: addObservers, Healthy: addAndRemoveObservers, Mend: removeObservers, Grow: moreObservers},
		truth.Form{Name: "map", Leak: hookReloads, Healthy: hookAndUnhook, Mend: unhookAll, Grow: moreHooks},
	)
}
