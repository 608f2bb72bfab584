package main

import "zoo/truth"

// A record of 512 bytes, of which a span of 8 KiB has 16.
type record struct {
	key    uint64
	value  [62]uint64
	parent *record
}

var kept []*record

func keepEverySixteenth() truth.Leak {
	n := truth.Scaled(100000)
	kept = make([]*record, 0, n/16+1)
	truth.Settle()
	alloc, inuse := truth.HeapAlloc(), truth.HeapInuse()
	all := make([]*record, n)
	for i := range all {
		all[i] = &record{key: uint64(i)}
	}
	for i := 0; i < n; i += 16 {
		kept = append(kept, all[i])
	}
	all = nil
	truth.Settle()
	free := truth.HeapInuse() - inuse - (truth.HeapAlloc() - alloc)
	return truth.Leak{Kind: "none", Count: 1, Bytes: free, Spans: true}
}

// moveTogether puts what is live into one large array.
func moveTogether() {
	array := make([]record, len(kept))
	for i := range kept {
		array[i] = *kept[i]
		kept[i] = &array[i]
	}
}
