package main

import (
	"strings"

	"zoo/ordinary"
	"zoo/truth"
)

func (a *authority) loginCloned(text string, n int) {
	end := strings.IndexByte(text, ';')
	a.tokens[clone(text[:end])] = int64(n) + 3600
}

func cloneTokens() {
	for i := 0; i < truth.Scaled(blocks); i++ {
		auth.loginCloned(upload(i), i)
	}
}

func cloneSignatures() {
	for i := 0; i < truth.Scaled(blocks); i++ {
		m := message(i)
		signatures = append(signatures,
			signed{ordinary.Name(uint64(i)), append([]byte(nil), m[len(m)-64:]...)})
	}
}

func cloneFields() {
	for i := 0; i < truth.Scaled(blocks); i++ {
		v := fields(upload(i))
		visits <- &visit{clone(v.user), clone(v.agent)}
	}
}
