//go:build goexperiment.arenas
// +build goexperiment.arenas

// Case arena-held: user arenas that are never freed. Builds with GOEXPERIMENT=arenas only.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("arena-held",
		truth.Form{Name: "never-freed", Leak: importAll, Healthy: importAndFree, Mend: freeAll},
	)
}
