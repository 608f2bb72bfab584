package main

import (
	"container/list"
	"sync"
)

type receipt struct {
	number uint64
	text   []byte
}

// receiptCache keeps the receipts that were asked for last, and no more than limit of them.
type receiptCache struct {
	mu       sync.Mutex
	limit    int
	byNumber map[uint64]*list.Element
	recent   *list.List
}

var receipts = &receiptCache{limit: 2000, byNumber: map[uint64]*list.Element{}, recent: list.New()}

func (c *receiptCache) get(number uint64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byNumber[number]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*receipt).text
}

func (c *receiptCache) put(number uint64, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byNumber[number] != nil {
		return
	}
	c.byNumber[number] = c.recent.PushFront(&receipt{number, text})
	for c.recent.Len() > c.limit {
		oldest := c.recent.Back()
		delete(c.byNumber, oldest.Value.(*receipt).number)
		c.recent.Remove(oldest)
	}
}

func (c *receiptCache) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
