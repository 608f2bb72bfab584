package main

import "zoo/truth"

func subscribeAndCancel() {
	remove = true
	many(truth.Scaled(runs), nightly)
}

func addAndRemoveObservers() {
	remove = true
	many(truth.Scaled(runs), recompute)
}

func hookAndUnhook() {
	remove = true
	many(truth.Scaled(runs), hook)
}
