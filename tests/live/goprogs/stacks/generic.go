//go:build go1.18
// +build go1.18

package main

type box[T any] struct{ held T }

func (b *box[T]) wait() {
	park()
	useAny(b.held)
}

//go:noinline
func useAny[T any](v T) {
	if b, ok := any(v).(*blob); ok {
		use(b)
	}
}

func each[T any](values []T, f func(T)) {
	for _, v := range values {
		f(v)
	}
}

func startGeneric() {
	start(func() {
		b := &box[*blob]{newBlob("generic")}
		b.wait()
	})
	start(func() {
		each([]int{1}, func(int) { park() })
	})
	start(func() { (&box[pair]{pair{newBlob("generic-pair"), nil}}).wait() })
}
