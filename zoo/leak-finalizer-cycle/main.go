// Case finalizer-cycle: an object with a finalizer that can reach itself is never collected, nor is
// one whose cleanup refers to it.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

// More of them in newer_go124.go.
var forms = []truth.Form{
	{Name: "finalizer", Leak: openTunnels, Healthy: openTunnelsOneWay, Mend: breakCycles},
}

func main() {
	ordinary.Load()
	truth.Show("finalizer-cycle", forms...)
}
