// Package ordinary is the memory that any healthy service has besides what the program is about:
// a catalogue of texts, a routing tree, a table of prices. A few MiB in all, held by globals of
// this package. It also deals out plausible names and numbers, the same in every run.
package ordinary

import "strconv"

// Text is one translated text.
type Text struct {
	Key   string
	Words map[string]string
}

// Route is a node of the routing tree.
type Route struct {
	Segment  string
	Children []*Route
	Handler  func(path string) int
}

var (
	catalogue = map[string]*Text{}
	routes    = &Route{Segment: "/"}
	prices    []float64
)

// Load makes all of it; call it before truth.Begin.
func Load() {
	for i := 0; i < 4000; i++ {
		key := "text." + Name(uint64(i)) + "." + strconv.Itoa(i)
		catalogue[key] = &Text{key, map[string]string{"en": Name(uint64(i) * 3), "de": Name(uint64(i) * 7)}}
	}
	for i := 0; i < 20; i++ {
		branch := &Route{Segment: Name(uint64(i))}
		for j := 0; j < 20; j++ {
			status := 200 + j
			branch.Children = append(branch.Children, &Route{
				Segment: Name(uint64(i*20 + j)),
				Handler: func(path string) int { return status + len(path) },
			})
		}
		routes.Children = append(routes.Children, branch)
	}
	prices = make([]float64, 100000)
}

var (
	first = []string{"Ada", "Boris", "Chen", "Dolores", "Emil", "Fatima", "Grace", "Hiro", "Ines", "Jonas"}
	last  = []string{"Abel", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito",
		"Jansen", "Kowalski", "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quist"}
)

// Name is a person's name; each call makes a string of its own.
func Name(n uint64) string {
	return first[n%uint64(len(first))] + " " + last[n/7%uint64(len(last))]
}

// Mail is an address; each n has its own.
func Mail(n uint64) string {
	return "user" + strconv.FormatUint(n, 10) + "@mail.example.org"
}

// Dice is a small generator of pseudorandom numbers: the same sequence in every run and version.
type Dice uint64

// Roll gives the next number.
func (d *Dice) Roll() uint64 {
	x := uint64(*d) + 0x9e3779b97f4a7c15
	*d = Dice(x)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Below gives a number in [0, n).
func (d *Dice) Below(n int) int {
	return int(d.Roll() % uint64(n))
}
