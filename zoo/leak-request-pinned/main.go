// Case request-pinned: what belongs to one HTTP request is kept for longer, by way of its context.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	start()
	truth.Show("request-pinned",
		truth.Form{Name: "map", Leak: keepContexts, Healthy: keepNames, Mend: forgetContexts},
		truth.Form{Name: "chain", Leak: chainContexts, Healthy: freshContexts, Mend: forgetChain},
	)
}
