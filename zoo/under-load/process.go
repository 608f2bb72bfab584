package main

import (
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// setTimers sets timers and a ticker; every timer fires once.
func setTimers() {
	for {
		const n = 100
		var each [n]int64
		var all int64
		for i := 0; i < n; i++ {
			which := &each[i]
			time.AfterFunc(time.Duration(i*137%20000)*time.Microsecond, func() {
				atomic.AddInt64(which, 1)
				atomic.AddInt64(&all, 1)
			})
		}
		for end := time.Now().Add(patience); atomic.LoadInt64(&all) < n; {
			if time.Now().After(end) {
				harmed("%d of %d timers fired", atomic.LoadInt64(&all), n)
			}
			time.Sleep(*rest)
		}
		for i := range each {
			if atomic.LoadInt64(&each[i]) != 1 {
				harmed("a timer fired %d times", each[i])
			}
		}
		atomic.AddUint64(&fired, n)
	}
}

// sendSignals sends one signal after the other, to the process and to a thread of it: each must
// come before the next is sent.
func sendSignals() {
	here := make(chan os.Signal, 16)
	wanted := []os.Signal{syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGHUP, syscall.Signal(45)}
	signal.Notify(here, wanted...)
	pid := os.Getpid()
	for i := 0; ; i++ {
		sent := wanted[i%len(wanted)].(syscall.Signal)
		var err error
		if i%3 == 0 {
			_, _, failure := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(pid), uintptr(sent))
			if failure != 0 {
				err = failure
			}
		} else {
			err = syscall.Kill(pid, sent)
		}
		if err != nil {
			harmed("kill: %v", err)
		}
		select {
		case got := <-here:
			if got != sent {
				harmed("signal %v came as %v", sent, got)
			}
		case <-time.After(patience):
			harmed("signal %v was lost", sent)
		}
		count(&signals)
		time.Sleep(*rest / 2)
	}
}

// runChildren starts programs and waits for each. Between two of them there is no child: nobody has
// given this process one that it can see.
func runChildren() {
	for i := 0; ; i++ {
		command := exec.Command("/bin/sh", "-c", "exit 7")
		err := command.Run()
		failure, ok := err.(*exec.ExitError)
		if !ok || failure.ExitCode() != 7 {
			harmed("a child ended with %v instead of status 7", err)
		}
		count(&children)
		for _, options := range []int{0, syscall.WNOHANG} {
			var status syscall.WaitStatus
			for {
				pid, err := syscall.Wait4(-1, &status, options, nil)
				if err == syscall.EINTR {
					continue
				}
				if err != syscall.ECHILD {
					harmed("there is a child %d that nobody started (%v)", pid, err)
				}
				break
			}
		}
		time.Sleep(20 * *rest)
		// One more: Go 1.23 and later tries out once whether it can have descriptors of processes.
		if seen := atomic.LoadUint64(&died); seen > atomic.LoadUint64(&children)+1 {
			harmed("%d children were started, and SIGCHLD came %d times", atomic.LoadUint64(&children), seen)
		}
	}
}
