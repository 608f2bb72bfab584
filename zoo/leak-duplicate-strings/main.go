// Case duplicate-strings: each row that was read brought its own copy of texts that are the same.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("duplicate-strings",
		truth.Form{Name: "fields", Leak: readRows, Healthy: readInterned, Mend: internRows},
		truth.Form{Name: "map-values", Leak: readLabels, Healthy: readInternedLabels, Mend: internLabels},
	)
}
