package main

import (
	"bytes"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A patient program: a stop of seconds must not look like a failure.
const patience = 2 * time.Minute

func body(number uint64) []byte {
	b := make([]byte, 100+number%5000)
	for i := range b {
		b[i] = byte(number>>3) + byte(i)
	}
	return b
}

// serve answers /N with what body says, and counts connections.
func serve() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		harmed("listen: %v", err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			number, err := strconv.ParseUint(r.URL.Path[1:], 10, 64)
			if err != nil {
				harmed("the server was asked for %q", r.URL.Path)
			}
			sent, err := ioutil.ReadAll(r.Body)
			if err != nil || !bytes.Equal(sent, body(number+1)) {
				harmed("request %d came damaged: %v", number, err)
			}
			w.Write(body(number))
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				count(&connections)
			}
		},
	}
	go func() { harmed("serve: %v", server.Serve(listener)) }()
	return listener.Addr().String()
}

// request asks over and over on one connection that is kept.
func request(address string, seed uint64) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: patience}
	for n := seed * 1000000; ; n++ {
		url := fmt.Sprintf("http://%s/%d", address, n)
		response, err := client.Post(url, "application/octet-stream", bytes.NewReader(body(n+1)))
		if err != nil {
			harmed("request %d failed: %v", n, err)
		}
		got, err := ioutil.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !bytes.Equal(got, body(n)) {
			harmed("the answer to request %d is wrong (%s, %v)", n, response.Status, err)
		}
		count(&requests)
		time.Sleep(*rest)
	}
}

// closeSockets closes a socket and sees that the other side gets the end of the file at once, even
// when somebody holds a copy of this process.
func closeSockets() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		harmed("listen: %v", err)
	}
	for {
		go func() {
			c, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				harmed("dial: %v", err)
			}
			c.Write(body(1234))
			c.Close()
		}()
		c, err := listener.Accept()
		if err != nil {
			harmed("accept: %v", err)
		}
		c.SetReadDeadline(time.Now().Add(patience))
		var got bytes.Buffer
		if _, err := io.Copy(&got, c); err != nil || !bytes.Equal(got.Bytes(), body(1234)) {
			harmed("a socket did not end as it should: %v", err)
		}
		c.Close()
		count(&ends)
		time.Sleep(2 * *rest)
	}
}
