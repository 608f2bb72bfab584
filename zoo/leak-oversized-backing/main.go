// Case oversized-backing: buffers that were made for the largest of all answers and hold little.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("oversized-backing",
		truth.Form{Name: "buffer", Leak: cacheAnswers, Healthy: cacheAnswersTrimmed, Mend: trimAnswers},
		truth.Form{Name: "builder", Leak: buildPages, Healthy: buildPagesTrimmed, Mend: trimPages},
		truth.Form{Name: "slice", Leak: collectRows, Healthy: collectRowsTrimmed, Mend: trimRows},
	)
}
