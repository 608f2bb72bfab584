package main

import "zoo/truth"

func (e *encoder) putBack() {
	if e.out.Cap() <= 16*usual {
		encoders.Put(e)
	}
}

func poolSmall() {
	n := truth.Scaled(largest)
	var inUse []*encoder
	for i := 0; i < n; i++ {
		inUse = append(inUse, encode(rare), encode(usual))
	}
	for _, e := range inUse {
		e.putBack()
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
