package main

import (
	"context"
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type contextKey int

const callKey contextKey = 0

type call struct {
	id     string
	user   string
	buffer []byte
}

type service struct {
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	served int
}

var backend = newService("billing")

func newService(name string) *service {
	s := &service{name: name}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// begin gives the context of one call.
func (s *service) begin(n, size int) (context.Context, context.CancelFunc) {
	ctx := context.WithValue(s.ctx, callKey,
		&call{"call-" + strconv.Itoa(n), ordinary.Mail(uint64(n)), make([]byte, size)})
	return context.WithCancel(ctx)
}

//go:noinline
func answer(ctx context.Context) int {
	return len(ctx.Value(callKey).(*call).buffer)
}

func (s *service) serve(n, size int) {
	ctx, _ := s.begin(n, size)
	s.served += answer(ctx)
}

func neverCancel() truth.Leak {
	n := truth.Scaled(11000)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			backend.serve(i, 4<<10)
		}
	})
	return truth.Leak{Holder: "main.backend", Count: int64(n), Bytes: bytes}
}

func neverCancelSmall() truth.Leak {
	n := truth.Scaled(150000)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			backend.serve(i, 16)
		}
	})
	return truth.Leak{Holder: "main.backend", Count: int64(n), Bytes: bytes}
}

// cancelChildren does what the calls of their cancel functions would have done: nobody kept them, but
// the parent's has the same effect.
func cancelChildren() {
	backend.cancel()
}
