// Case subslice-pinned: the last elements of a long slice keep the whole array.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("subslice-pinned",
		truth.Form{Name: "numbers", Leak: keepTails, Healthy: copyTails, Mend: mendTails},
		truth.Form{Name: "structs", Leak: keepRecent, Healthy: copyRecent, Mend: mendRecent},
	)
}
