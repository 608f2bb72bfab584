package main

import (
	"time"
	"unsafe"
)

// settle lets the goroutines end.
func settle() {
	time.Sleep(100 * time.Millisecond)
}

func channel(i int) chan quote {
	p := found(i)
	return *(*chan quote)(unsafe.Pointer(&p))
}

func receiveAll() {
	for i := range hidden {
		<-channel(i)
	}
	settle()
}

func closeFeeds() {
	for i := range hidden {
		close(channel(i))
	}
	settle()
}

func unlock() {
	(*account)(found(0)).balance = 1 << 60
	(*account)(found(0)).lock.Unlock()
	settle()
}

func unlockTable() {
	(*table)(found(0)).lock.Unlock()
	settle()
}

func doneAtLast() {
	for i := range hidden {
		(*batch)(found(i)).wait.Done()
	}
	settle()
}

func broadcastAtLast() {
	for i := range hidden {
		(*gate)(found(i)).unlatch()
	}
	settle()
}
