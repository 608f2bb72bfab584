package main

import (
	"runtime"
	"strconv"

	"zoo/ordinary"
)

// link is an element of a list; check depends on all its fields.
type link struct {
	next  *link
	data  []byte
	label string
	value uint64
	check uint64
}

func (l *link) sum() uint64 {
	sum := l.value*31 + uint64(len(l.label))
	for _, b := range l.data {
		sum = sum*131 + uint64(b)
	}
	return sum
}

func newList(dice *ordinary.Dice, length int) (head *link) {
	for i := 0; i < length; i++ {
		l := &link{next: head, data: make([]byte, dice.Below(300)), value: dice.Roll()}
		l.label = strconv.FormatUint(l.value, 36)
		for j := range l.data {
			l.data[j] = byte(l.value >> uint(j%57))
		}
		l.check = l.sum()
		head = l
	}
	return head
}

func checkList(head *link, length int) {
	n := 0
	for l := head; l != nil; l = l.next {
		if l.check != l.sum() || l.label != strconv.FormatUint(l.value, 36) {
			corrupt("element %d of a list of %d", n, length)
		}
		n++
	}
	if n != length {
		corrupt("a list of %d elements has %d", length, n)
	}
	checked()
}

// churnLists keeps a ring of lists of about keep bytes; each new one displaces the oldest, which
// is checked before it goes.
func churnLists(seed uint64, keep int) {
	dice := ordinary.Dice(seed)
	type kept struct {
		head   *link
		length int
	}
	ring := make([]kept, keep/(100*260)+1)
	for i := 0; ; i++ {
		slot := &ring[i%len(ring)]
		if i == len(ring) {
			filling.Done()
		}
		if i >= len(ring) {
			checkList(slot.head, slot.length)
			pause()
		}
		slot.length = 1 + dice.Below(200)
		slot.head = newList(&dice, slot.length)
	}
}

// leaf is a node of a tree with parent pointers.
type leaf struct {
	left, right, parent *leaf
	depth               int
	values              [3]uint64
}

func newTree(parent *leaf, depth int, value uint64) *leaf {
	if depth == 0 {
		return nil
	}
	n := &leaf{parent: parent, depth: depth, values: [3]uint64{value, ^value, value * 3}}
	n.left = newTree(n, depth-1, value*2+1)
	n.right = newTree(n, depth-1, value*2+2)
	return n
}

func checkTree(n, parent *leaf, depth int, value uint64) {
	if n == nil {
		if depth != 0 {
			corrupt("a tree ends %d levels early", depth)
		}
		return
	}
	if n.parent != parent || n.depth != depth || n.values != [3]uint64{value, ^value, value * 3} {
		corrupt("a node %d levels above the leaves of a tree", depth)
	}
	checkTree(n.left, n, depth-1, value*2+1)
	checkTree(n.right, n, depth-1, value*2+2)
}

// churnTrees keeps trees of 1023 nodes, and one large block without pointers.
func churnTrees(seed uint64, keep int) {
	const depth = 10
	trees := make([]*leaf, keep/(1023*64)+1)
	var block []byte
	for i := 0; ; i++ {
		slot := i % len(trees)
		if i == len(trees) {
			filling.Done()
		}
		if i >= len(trees) {
			checkTree(trees[slot], nil, depth, uint64(i-len(trees))*seed)
			checked()
			pause()
		}
		trees[slot] = newTree(nil, depth, uint64(i)*seed)
		if i%16 == 0 {
			for j := 0; j < len(block); j += 4096 {
				if block[j] != byte(j/4096) {
					corrupt("byte %d of a block of %d", j, len(block))
				}
			}
			block = make([]byte, 64<<10+i%64<<14)
			for j := 0; j < len(block); j += 4096 {
				block[j] = byte(j / 4096)
			}
		}
	}
}

// churnMaps inserts and deletes at random and compares with an array that knows the answer.
func churnMaps(seed uint64) {
	const size = 5000
	dice := ordinary.Dice(seed)
	m := map[uint64]*[4]uint64{}
	var known [size]uint64
	for i := 1; ; i++ {
		key := uint64(dice.Below(size))
		value := m[key]
		if (value == nil) != (known[key] == 0) || (value != nil && *value != expand(known[key])) {
			corrupt("key %d of a map of %d", key, len(m))
		}
		if value == nil {
			known[key] = dice.Roll() | 1
			content := expand(known[key])
			m[key] = &content
		} else if dice.Below(3) > 0 {
			known[key] = 0
			delete(m, key)
		}
		if i%500 == 0 {
			pause()
		}
		if i%20000 == 0 {
			checked()
			live := 0
			for range m {
				live++
			}
			if live != len(m) {
				corrupt("a map of %d has %d entries", len(m), live)
			}
			m2 := make(map[uint64]*[4]uint64)
			for k, v := range m {
				m2[k] = v
			}
			m = m2
		}
	}
}

func expand(n uint64) [4]uint64 {
	return [4]uint64{n, n * 3, ^n, n >> 7}
}

// deepen starts goroutines that recurse until their stacks have been moved several times.
func deepen(seed uint64) {
	dice := ordinary.Dice(seed)
	for {
		const n = 4
		results := make(chan uint64, n)
		want := uint64(0)
		for i := 0; i < n; i++ {
			depth := uint64(50 + dice.Below(2000))
			want += depth * (depth + 1) / 2
			go func() {
				var reached uint64
				results <- descend(depth, &reached)
			}()
		}
		got := uint64(0)
		for i := 0; i < n; i++ {
			got += <-results
		}
		if got != want {
			corrupt("recursion summed up to %d, not %d", got, want)
		}
		checked()
		pause()
	}
}

// descend gives the sum of 1 to n, and stores n through a pointer into its caller's frame, which
// may be somewhere else by then.
//
//go:noinline
func descend(n uint64, above *uint64) uint64 {
	sum := uint64(0)
	if n > 0 {
		var below uint64
		sum = descend(n-1, &below) + n
		if below != n-1 {
			corrupt("local variable at depth %d", n)
		}
	} else {
		runtime.Gosched()
	}
	*above = n
	return sum
}
