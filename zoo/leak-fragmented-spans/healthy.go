package main

import "zoo/truth"

func keepInOneArray() {
	n := truth.Scaled(100000)
	array := make([]record, n/16+1)
	for i := range array {
		array[i].key = uint64(i * 16)
		kept = append(kept, &array[i])
	}
}
