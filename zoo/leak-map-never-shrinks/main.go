// Case map-never-shrinks: a map held many entries once, at the peak of the day, and holds few now. Its
// table stays as large as it was.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

// More of them in newer_go118.go.
var forms = []truth.Form{
	{Name: "pointer-values", Leak: takeOrders, Healthy: takeOrdersAndShrink, Mend: replaceOrders},
	{Name: "inline-values", Leak: trackVehicles, Healthy: trackVehiclesAndShrink, Mend: replaceVehicles},
	{Name: "string-keys", Leak: countClients, Healthy: countClientsAndShrink, Mend: replaceClients},
	{Name: "struct-keys", Leak: cacheFlows, Healthy: cacheFlowsAndShrink, Mend: replaceFlows},
	{Name: "int-keys", Leak: lockRows, Healthy: lockRowsAndShrink, Mend: replaceLocks},
}

func main() {
	ordinary.Load()
	truth.Show("map-never-shrinks", forms...)
}
