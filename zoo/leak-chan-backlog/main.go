// Case chan-backlog: the consumers of a large buffered channel are gone, and it stays full.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("chan-backlog",
		truth.Form{Name: "pointers", Leak: publishToNobody, Healthy: publishAndDeliver, Mend: drainOutbox},
		truth.Form{Name: "structs", Leak: queueMails, Healthy: queueAndSend, Mend: drainMails},
		truth.Form{Name: "blocked-sender", Leak: publishAndBlock, Healthy: publishAndDeliver, Mend: drainOutbox},
	)
}
