package main

import "zoo/truth"

func (s *service) serveAndCancel(n, size int) {
	ctx, cancel := s.begin(n, size)
	defer cancel()
	s.served += answer(ctx)
}

func alwaysCancel() {
	for i := 0; i < truth.Scaled(11000); i++ {
		backend.serveAndCancel(i, 4<<10)
	}
}
