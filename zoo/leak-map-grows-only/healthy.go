package main

import (
	"container/list"

	"zoo/truth"
)

// lru keeps the devices that were seen last.
type lru struct {
	room   int
	order  *list.List
	lookup map[string]*list.Element
}

func (l *lru) put(d *device) {
	l.lookup[d.serial] = l.order.PushFront(d)
	for l.order.Len() > l.room {
		oldest := l.order.Remove(l.order.Back()).(*device)
		delete(l.lookup, oldest.serial)
	}
}

func registerBounded() {
	n := truth.Scaled(50000)
	known.bounded = &lru{n / 10, list.New(), map[string]*list.Element{}}
	registerMore(n)
}

func logLastChanges() {
	bounded = true
	note(truth.Scaled(50000))
}
