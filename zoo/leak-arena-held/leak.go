//go:build goexperiment.arenas
// +build goexperiment.arenas

package main

import (
	"arena"

	"zoo/truth"
)

type row struct {
	id    int64
	price float64
	next  *row
	cells [5]int64
}

// batch is one imported file, for which an arena was made.
type batch struct {
	name  string
	arena *arena.Arena
	first *row
}

var imported []*batch

func fill(name string, rows int) *batch {
	b := &batch{name: name, arena: arena.NewArena()}
	for i := 0; i < rows; i++ {
		r := arena.New[row](b.arena)
		r.id, r.next = int64(i), b.first
		b.first = r
	}
	return b
}

const (
	chunk = 8 << 20
	rows  = 800000 // of 64 bytes: six chunks and a little
)

// importAll: Free gives back the chunks that are full; the last one waits for the next arena.
func importAll() truth.Leak {
	bytes := truth.Grew(func() {
		imported = append(imported, fill("prices.csv", truth.Scaled(rows)))
	})
	chunks := (bytes + chunk/2) / chunk
	return truth.Leak{Holder: "main.imported", Count: chunks, Bytes: bytes - bytes/chunks}
}

func freeAll() {
	for _, b := range imported {
		b.arena.Free()
		b.arena, b.first = nil, nil
	}
}
