// A large heap with the shape of a real service's, made quickly, to measure analyses against:
// -objects N objects of -bytes B bytes in all. 60 of 100 objects have no pointers, and there are
// 1.2 edges to an object: nine tenths of the objects have one edge into them, the rest is shared.
//
// It is made of accounts. An account is ten objects: six without pointers (name, mail, address,
// avatar, an order's note and totals), four with (the account, its slice of orders, an order, a
// node of the search tree), and twelve edges, two of them to what others hold too (the order's
// article, the account's referrer). Every sixteenth account is also in a map.
package main

import (
	"flag"
	"strconv"
	"strings"

	"zoo/ordinary"
	"zoo/truth"
)

type account struct {
	id       uint64
	name     string
	mail     string
	address  string
	orders   []*order
	avatar   []byte
	referrer *account
}

type order struct {
	quantity int64
	article  string
	note     string
	totals   []int64
}

type node struct {
	left, right *node
	key         uint64
	account     *account
}

// ownBytes is the size of an account's ten objects without the avatar.
const ownBytes = 112 + 32 + 8 + 64 + 16 + 32 + 48 + 48 + 48

var (
	objects = flag.Int("objects", 20000000, "about `N` objects")
	bytes   = flag.Int64("bytes", 1500<<20, "about `B` bytes in all")

	accounts  *node
	flagged   = map[uint64]*account{}
	articles  []string
	referrers [1024]*account

	avatarBytes int
	dice        ordinary.Dice
	nodes       int
	text        [128]byte
)

// words gives a string of so many bytes, an object of its own.
func words(prefix string, n uint64, length int) string {
	b := append(text[:0], prefix...)
	b = strconv.AppendUint(b, n, 10)
	for len(b) < length {
		b = append(b, '.')
	}
	return string(b)
}

func newAccount(id uint64) *account {
	a := &account{
		id:      id,
		name:    words("user ", id, 16),
		mail:    words("mail-", id, 32),
		address: words("street ", id, 48),
		avatar:  make([]byte, avatarBytes),
		orders: []*order{{
			quantity: int64(id % 9),
			article:  articles[dice.Below(len(articles))],
			note:     words("note ", id, 48),
			totals:   make([]int64, 6),
		}},
	}
	slot := &referrers[dice.Below(len(referrers))]
	a.referrer = *slot
	*slot = a
	if id%16 == 0 {
		flagged[id] = a
	}
	return a
}

// build makes a balanced tree of the accounts with numbers in [from, to).
func build(from, to uint64) *node {
	if from >= to {
		return nil
	}
	nodes++
	middle := from + (to-from)/2
	n := &node{key: middle}
	n.left = build(from, middle)
	n.account = newAccount(middle)
	n.right = build(middle+1, to)
	return n
}

func main() {
	truth.Begin()
	n := truth.Scaled(*objects) / 10
	avatarBytes = int(*bytes/int64(*objects)*10) - ownBytes
	if avatarBytes < 16 {
		avatarBytes = 16
	}
	for i := 0; i < 5000; i++ {
		articles = append(articles, strings.Repeat("article ", 3)+strconv.Itoa(i))
	}
	accounts = build(0, uint64(n))
	// The table is only for choosing; left in place it would hold every account again.
	referrers = [1024]*account{}
	truth.Tell(&truth.Report{
		Holder:     "main.accounts",
		HolderKind: "global",
		Types: []truth.Count{{Type: "main.account", N: nodes}, {Type: "main.order", N: nodes},
			{Type: "main.node", N: nodes}},
		Quick: true,
		Facts: []truth.Fact{{Key: "map_entries", Value: int64(len(flagged))}},
	})
}
