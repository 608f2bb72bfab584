// Case map-values-pinned: a task empties a map and fills it again, and who was handed a value of the
// last round keeps it.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("map-values-pinned",
		truth.Form{Name: "slice", Leak: watchQuotes, Healthy: watchPrices, Mend: dropWatched},
		truth.Form{Name: "closure", Leak: alertOnQuotes, Healthy: alertOnPrices, Mend: dropAlerts},
		truth.Form{Name: "second-map", Leak: indexQuotes, Healthy: indexAnew, Mend: dropIndex},
	)
}
