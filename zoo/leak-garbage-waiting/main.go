// Case garbage-waiting: the collector is off, and what died is still there.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("garbage-waiting",
		truth.Form{Name: "collector-off", Leak: answerUncollected, Healthy: answerAndCollect, Mend: truth.Settle, Unsettled: true},
	)
}
