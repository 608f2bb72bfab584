package main

import (
	"unsafe"

	"zoo/truth"
)

// whole gives the 16 slots of the array of which hits shows the second and third.
func whole(hits []*hit) *[16]*hit {
	return (*[16]*hit)(unsafe.Pointer(uintptr(unsafe.Pointer(&hits[0])) - unsafe.Sizeof(hits[0])))
}

func copyBest() {
	for i := 0; i < truth.Scaled(queries); i++ {
		best[query(i)] = append([]*hit(nil), search(i)[1:3]...)
	}
}

func deleteJobsCleared() {
	n := fillJobs()
	for i := 0; i < n; i++ {
		night.jobs = append(night.jobs, newJob(openJobs+i))
	}
	for i := n - 1; i >= 0; i-- {
		last := len(night.jobs) - 1
		night.jobs[last] = nil
		night.jobs = night.jobs[:last]
	}
}

func filterPeersCleared() {
	n := truth.Scaled(jobs)
	join(0, openJobs+n)
	alive := peers[:0]
	for _, p := range peers {
		if p.alive {
			alive = append(alive, p)
		}
	}
	peers = alive
	clearPeers()
}

func popLettersCleared() {
	n := truth.Scaled(jobs)
	for i := 0; i < n+openJobs; i++ {
		outgoing.waiting = append(outgoing.waiting, write(i))
	}
	for i := 0; i < n; i++ {
		outgoing.waiting[0] = nil
		outgoing.pop()
	}
}
