// Case hidden-elements: pointers stay in slots of an array that no slice shows any more, and hold what
// they point to.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("hidden-elements",
		truth.Form{Name: "window", Leak: keepBest, Healthy: copyBest, Mend: mendBest},
		truth.Form{Name: "deleted", Leak: deleteJobs, Healthy: deleteJobsCleared, Mend: clearJobs},
		truth.Form{Name: "filtered", Leak: filterPeers, Healthy: filterPeersCleared, Mend: clearPeers},
		truth.Form{Name: "popped", Leak: popLetters, Healthy: popLettersCleared, Mend: clearLetters},
	)
}
