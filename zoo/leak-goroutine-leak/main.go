// Case goroutine-leak: goroutines that wait for what nobody is left to do.
package main

import (
	"runtime"

	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	// Every P keeps stacks of goroutines that have ended.
	runtime.GOMAXPROCS(2)
	ordinary.Load()
	truth.Show("goroutine-leak",
		truth.Form{Name: "send", Leak: askAndForget, Healthy: askWithRoom, Mend: receiveAll},
		truth.Form{Name: "receive", Leak: produceAndForget, Healthy: produceAndClose, Mend: closeFeeds},
		truth.Form{Name: "select", Leak: watchForEver, Healthy: watchWithEnd, Mend: closeFeeds},
		truth.Form{Name: "mutex", Leak: lockAndReturn, Healthy: lockAndUnlock, Mend: unlock},
		truth.Form{Name: "rwmutex", Leak: writeAndReturn, Healthy: writeAndUnlock, Mend: unlockTable},
		truth.Form{Name: "waitgroup", Leak: addOneTooMany, Healthy: addRight, Mend: doneAtLast},
		truth.Form{Name: "cond", Leak: neverBroadcast, Healthy: broadcast, Mend: broadcastAtLast},
		truth.Form{Name: "some-of-one-stack", Leak: forgetEveryOther, Healthy: forgetNone, Mend: receiveAll},
	)
}
