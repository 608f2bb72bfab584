// A heap of one hard shape, to measure the analysis of the graph against: -shape NAME -objects N.
//
//	random   every node points to any three others
//	tree     a binary tree whose nodes point to their parents
//	single   a singly linked list; what its nodes hold is held by others too
//	double   a doubly linked list, the same
//	slice    one slice of pointers to all nodes, each with an object of its own
//	cliques  sixteen at a time know each other
//	maps     a map of maps
//	rings    rings of a thousand nodes, each ring held by one of the ring before it
//
// But for maps and slice the order in memory has nothing to do with the order in the structure.
package main

import (
	"flag"
	"os"

	"zoo/ordinary"
	"zoo/truth"
)

type leaf struct {
	value [2]uint64
}

type node struct {
	next, previous, other *node
	leaf                  *leaf
}

type member struct {
	others []*member
	next   *member
}

const (
	clique = 16
	ring   = 1000
	inner  = 1000
)

var (
	shape   = flag.String("shape", "random", "`NAME` of the shape")
	objects = flag.Int("objects", 20000000, "about `N` objects")

	nodes   *node
	all     []*node
	members *member
	maps    map[int]map[int]*leaf

	dice ordinary.Dice
)

func newNodes(n int) []*node {
	made := make([]*node, n)
	for i := range made {
		made[i] = &node{}
	}
	return made
}

// mixed gives nodes in an order that is not that of their addresses.
func mixed(n int) []*node {
	made := newNodes(n)
	for i := n - 1; i > 0; i-- {
		j := dice.Below(i + 1)
		made[i], made[j] = made[j], made[i]
	}
	return made
}

// share gives each node one of so many leaves, and each leaf to some node.
func share(to []*node, n int) {
	leaves := make([]*leaf, n)
	for i := range leaves {
		leaves[i] = &leaf{}
		to[i%len(to)].leaf = leaves[i]
	}
	for i := len(leaves); i < len(to); i++ {
		to[i].leaf = leaves[dice.Below(n)]
	}
}

func buildRandom(n int) {
	made := newNodes(n)
	for i := range made {
		made[i].next, made[i].other = made[dice.Below(n)], made[dice.Below(n)]
		made[i].previous = made[(i+1)%n]
	}
	nodes = made[0]
}

func buildTree(n int) {
	made := mixed(n)
	for i, at := range made {
		if 2*i+1 < n {
			at.next = made[2*i+1]
		}
		if 2*i+2 < n {
			at.other = made[2*i+2]
		}
		if i > 0 {
			at.previous = made[(i-1)/2]
		}
	}
	nodes = made[0]
}

func buildList(n int, double bool) {
	made := mixed(n * 2 / 3)
	for i, at := range made {
		if i+1 < len(made) {
			at.next = made[i+1]
		}
		if double && i > 0 {
			at.previous = made[i-1]
		}
	}
	share(made, n/3)
	nodes = made[0]
}

func buildSlice(n int) {
	all = newNodes(n / 2)
	share(all, n/2)
}

func buildCliques(n int) {
	made := make([]*member, n/2)
	for i := range made {
		made[i] = &member{}
	}
	for i := len(made) - 1; i > 0; i-- {
		j := dice.Below(i + 1)
		made[i], made[j] = made[j], made[i]
	}
	for first := 0; first < len(made); first += clique {
		end := first + clique
		if end > len(made) {
			end = len(made)
		}
		for i := first; i < end; i++ {
			made[i].others = make([]*member, end-first)
			copy(made[i].others, made[first:end])
		}
		if end < len(made) {
			made[first].next = made[end]
		}
	}
	members = made[0]
}

func buildMaps(n int) {
	maps = map[int]map[int]*leaf{}
	for i := 0; i*inner < n; i++ {
		m := map[int]*leaf{}
		for j := 0; j < inner; j++ {
			m[j] = &leaf{}
		}
		maps[i] = m
	}
}

func buildRings(n int) {
	made := mixed(n / 2)
	for first := 0; first < len(made); first += ring {
		end := first + ring
		if end > len(made) {
			end = len(made)
		}
		for i := first; i+1 < end; i++ {
			made[i].next = made[i+1]
		}
		made[end-1].next = made[first]
		if end < len(made) {
			made[first].other = made[end]
		}
	}
	share(made, n/2)
	nodes = made[0]
}

func main() {
	truth.Begin()
	n := truth.Scaled(*objects)
	holder := "main.nodes"
	switch *shape {
	case "random":
		buildRandom(n)
	case "tree":
		buildTree(n)
	case "single", "double":
		buildList(n, *shape == "double")
	case "slice":
		buildSlice(n)
		holder = "main.all"
	case "cliques":
		buildCliques(n)
		holder = "main.members"
	case "maps":
		buildMaps(n)
		holder = "main.maps"
	case "rings":
		buildRings(n)
	default:
		println("bench-shapes: no shape " + *shape)
		os.Exit(2)
	}
	truth.Tell(&truth.Report{Holder: holder, HolderKind: "global", Quick: true})
}
