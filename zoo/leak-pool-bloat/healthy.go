package main

import "zoo/truth"

func poolSmall() {
	n := truth.Scaled(largest)
	var inUse []*encoder
	for i := 0; i < n; i++ {
		inUse = append(inUse, encode(rare), encode(usual))
	}
	for i, e := range inUse {
		if e.out.Cap() > 16*usual {
			inUse[i] = nil
		}
	}
	// Those that were too large are gone before the others come back.
	truth.Settle()
	for _, e := range inUse {
		if e != nil {
			encoders.Put(e)
		}
	}
}

func freeSmall() {
	n := truth.Scaled(largest)
	var inUse []*frame
	for i := 0; i < n; i++ {
		inUse = append(inUse, frames.get(rare), frames.get(usual))
	}
	for _, f := range inUse {
		if cap(f.data) <= 16*usual {
			frames.put(f)
		}
	}
}
