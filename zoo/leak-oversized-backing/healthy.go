package main

import "zoo/truth"

func cacheAnswersTrimmed() {
	for i := 0; i < truth.Scaled(containers); i++ {
		a := render(i, room)
		answers[a.path] = a
	}
	trimAnswers()
}

func buildPagesTrimmed() {
	for i := 0; i < truth.Scaled(containers); i++ {
		pages = append(pages, build(i, room))
	}
	trimPages()
}

func collectRowsTrimmed() {
	for i := 0; i < truth.Scaled(containers); i++ {
		recent.results[i] = query(i, 2048)
	}
	trimRows()
}
