// Case pool-bloat: a few very large requests leave very large buffers in a pool for small ones.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("pool-bloat",
		truth.Form{Name: "sync-pool", Leak: poolAll, Healthy: poolSmall, Mend: emptyPool, Unsettled: true},
		truth.Form{Name: "free-list", Leak: freeAll, Healthy: freeSmall, Mend: dropLarge},
	)
}
