package main

import (
	"strconv"
	"strings"

	"zoo/ordinary"
	"zoo/truth"
)

// upload is the text of a request: 64 KiB with a token at its beginning, and a few fields inside.
func upload(n int) string {
	var b strings.Builder
	b.Grow(64 << 10)
	b.WriteString("token-" + strconv.Itoa(1000000+n*7919) + ";")
	b.WriteString("user=" + ordinary.Mail(uint64(n)) + ";agent=browser/" + strconv.Itoa(n%9) + ";")
	for b.Len() < 64<<10-16 {
		b.WriteString("item=0123456789;")
	}
	return b.String()
}

type authority struct {
	realm  string
	tokens map[string]int64 // valid until
}

var auth = &authority{"shop", map[string]int64{}}

func (a *authority) login(text string, n int) {
	end := strings.IndexByte(text, ';')
	a.tokens[text[:end]] = int64(n) + 3600
}

const blocks = 800

// grew measures the texts; what else is kept for each is a hundredth of them and stays when mended.
func grew(holder string, take func(n int)) truth.Leak {
	n := truth.Scaled(blocks)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			take(i)
		}
	})
	return truth.Leak{Holder: holder, Count: int64(n), Bytes: bytes}
}

func keepTokens() truth.Leak {
	return grew("main.auth", func(n int) { auth.login(upload(n), n) })
}

func mendTokens() {
	mended := map[string]int64{}
	for token, until := range auth.tokens {
		mended[clone(token)] = until
	}
	auth.tokens = mended
}

// clone is strings.Clone, which Go has from 1.18 on.
func clone(s string) string {
	return string([]byte(s))
}

// The end of a message as it came from the network.
type signed struct {
	sender    string
	signature []byte
}

var signatures []signed

func message(n int) []byte {
	m := make([]byte, 64<<10)
	copy(m[len(m)-64:], "signature of "+strconv.Itoa(n))
	return m
}

func keepSignatures() truth.Leak {
	return grew("main.signatures", func(n int) {
		m := message(n)
		signatures = append(signatures, signed{ordinary.Name(uint64(n)), m[len(m)-64:]})
	})
}

func mendSignatures() {
	for i := range signatures {
		signatures[i].signature = append([]byte(nil), signatures[i].signature...)
	}
}

// Two fields of one text each.
type visit struct {
	user  string
	agent string
}

var visits = make(chan *visit, blocks)

func fields(text string) *visit {
	parts := strings.SplitN(text, ";", 4)
	return &visit{user: parts[1][len("user="):], agent: parts[2][len("agent="):]}
}

func keepFields() truth.Leak {
	return grew("main.visits", func(n int) { visits <- fields(upload(n)) })
}

func mendFields() {
	for i := len(visits); i > 0; i-- {
		v := <-visits
		visits <- &visit{clone(v.user), clone(v.agent)}
	}
}
