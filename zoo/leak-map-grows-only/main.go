// Case map-grows-only: a registry that is only ever added to. SIGHUP lets a fifth more come.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("map-grows-only",
		truth.Form{Name: "map", Leak: registerDevices, Healthy: registerBounded, Mend: forgetDevices, Grow: moreDevices},
		truth.Form{Name: "slice", Leak: logChanges, Healthy: logLastChanges, Mend: forgetChanges, Grow: moreChanges},
	)
}
