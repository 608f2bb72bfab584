// A search tree behind a global pointer, each node with a pointer back to its parent: every node
// but the root is in a cycle.
package main

import (
	"zoo/ordinary"
	"zoo/truth"
)

type node struct {
	left, right, parent *node
	key                 uint64
	priority            uint32
	document            *document
}

type document struct {
	title string
	words []string
}

var index *node

// insert keeps the tree balanced by random priorities (a treap).
func insert(at, parent *node, n *node) *node {
	if at == nil {
		n.parent = parent
		return n
	}
	if n.key < at.key {
		at.left = insert(at.left, at, n)
		if at.left.priority > at.priority {
			return rotateRight(at)
		}
	} else {
		at.right = insert(at.right, at, n)
		if at.right.priority > at.priority {
			return rotateLeft(at)
		}
	}
	return at
}

func rotateRight(at *node) *node {
	up := at.left
	at.left = up.right
	if at.left != nil {
		at.left.parent = at
	}
	up.right, up.parent, at.parent = at, at.parent, up
	return up
}

func rotateLeft(at *node) *node {
	up := at.right
	at.right = up.left
	if at.right != nil {
		at.right.parent = at
	}
	up.left, up.parent, at.parent = at, at.parent, up
	return up
}

func main() {
	ordinary.Load()
	truth.Begin()
	n := truth.Scaled(200000)
	var dice ordinary.Dice
	for i := 0; i < n; i++ {
		d := &document{ordinary.Name(dice.Roll()), make([]string, 3)}
		for j := range d.words {
			d.words[j] = ordinary.Mail(dice.Roll() % 100000)
		}
		index = insert(index, nil, &node{key: dice.Roll(), priority: uint32(dice.Roll()), document: d})
	}
	truth.Tell(&truth.Report{
		Holder:     "main.index",
		HolderKind: "global",
		Types:      []truth.Count{{Type: "main.node", N: n}, {Type: "main.document", N: n}},
	})
}
