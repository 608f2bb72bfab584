package main

import (
	"strconv"

	"zoo/ordinary"
	"zoo/truth"
)

type event struct {
	id      string
	topic   string
	payload []byte
}

type publisher struct {
	name      string
	outbox    chan *event
	delivered int
}

const backlog = 24000

var events = &publisher{name: "events"}

func newEvent(n int) *event {
	return &event{"event-" + strconv.Itoa(n), "orders", make([]byte, 2000)}
}

func (p *publisher) publish(n int) {
	p.outbox <- newEvent(n)
}

// deliver ends when its connection does; nobody starts another.
func (p *publisher) deliver(n int) {
	for i := 0; i < n; i++ {
		<-p.outbox
		p.delivered++
	}
}

func publishToNobody() truth.Leak {
	n := truth.Scaled(backlog)
	events.outbox = make(chan *event, n)
	// The ring of the channel has turned a little.
	for i := 0; i < n/3; i++ {
		events.publish(i)
	}
	events.deliver(n / 3)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			events.publish(i)
		}
	})
	return truth.Leak{Holder: "main.events", Count: int64(n), Bytes: bytes}
}

// publishAndBlock: one more than there is room for.
func publishAndBlock() truth.Leak {
	leak := publishToNobody()
	go events.publish(-1)
	leak.Others = []string{"main.(*publisher).publish"}
	return leak
}

func drainOutbox() {
	for len(events.outbox) > 0 {
		<-events.outbox
	}
}

type mail struct {
	to      string
	subject string
	body    []byte
	tries   int
}

var mails chan mail

func write(n int) mail {
	return mail{ordinary.Mail(uint64(n)), "Your order " + strconv.Itoa(n), make([]byte, 4000), 0}
}

func queueMails() truth.Leak {
	n := truth.Scaled(backlog / 2)
	mails = make(chan mail, n+n/8)
	bytes := truth.Grew(func() {
		for i := 0; i < n; i++ {
			mails <- write(i)
		}
	})
	return truth.Leak{Holder: "main.mails", Count: int64(n), Bytes: bytes}
}

func drainMails() {
	for len(mails) > 0 {
		<-mails
	}
}
