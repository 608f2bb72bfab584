// Case syncmap-stale-keys: a server keeps the state of its connections in a sync.Map. Up to Go 1.23 a
// key that is deleted after it was promoted to the read map stays there until the next promotion, and
// with it all that the key points to.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("syncmap-stale-keys",
		truth.Form{Name: "pointer-keys", Leak: serveConnections, Healthy: serveByNumber, Mend: replaceConnections},
		truth.Form{Name: "struct-keys", Leak: renderDocuments, Healthy: renderBySum, Mend: replaceRendered},
		truth.Form{Name: "amended", Leak: serveAndAcceptOne, Healthy: serveByNumber, Mend: replaceConnections},
	)
}
