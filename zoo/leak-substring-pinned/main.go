// Case substring-pinned: a few bytes cut out of a large text keep all of it.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("substring-pinned",
		truth.Form{Name: "string", Leak: keepTokens, Healthy: cloneTokens, Mend: mendTokens},
		truth.Form{Name: "bytes", Leak: keepSignatures, Healthy: cloneSignatures, Mend: mendSignatures},
		truth.Form{Name: "fields", Leak: keepFields, Healthy: cloneFields, Mend: mendFields},
	)
}
