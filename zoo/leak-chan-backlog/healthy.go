package main

import "zoo/truth"

func publishAndDeliver() {
	n := truth.Scaled(backlog)
	events.outbox = make(chan *event, n)
	done := make(chan bool)
	go func() {
		events.deliver(n)
		close(done)
	}()
	for i := 0; i < n; i++ {
		events.publish(i)
	}
	<-done
}

func queueAndSend() {
	n := truth.Scaled(backlog / 2)
	mails = make(chan mail, n+n/8)
	for i := 0; i < n; i++ {
		mails <- write(i)
		<-mails
	}
}
