// Case fragmented-spans: of each span of 8 KiB one object is live.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("fragmented-spans",
		truth.Form{Name: "one-of-sixteen", Leak: keepEverySixteenth, Healthy: keepInOneArray, Mend: moveTogether},
	)
}
