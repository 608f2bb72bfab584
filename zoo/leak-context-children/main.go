// Case context-children: each request derives a context from the server's and never calls its cancel
// function, so that the server's context keeps all of them as its children.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

func main() {
	ordinary.Load()
	truth.Show("context-children",
		truth.Form{Name: "with-cancel", Leak: neverCancel, Healthy: alwaysCancel, Mend: cancelChildren},
		truth.Form{Name: "many-small", Leak: neverCancelSmall, Healthy: alwaysCancel, Mend: cancelChildren},
	)
}
