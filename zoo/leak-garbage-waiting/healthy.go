package main

import "zoo/truth"

func answerAndCollect() {
	n := truth.Scaled(requests)
	for i := 0; i < n; i++ {
		answered += len(handle(i).body)
	}
	truth.Settle()
}
