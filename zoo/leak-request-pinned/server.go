package main

import (
	"io"
	"io/ioutil"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zoo/ordinary"
)

var (
	mux    = http.NewServeMux()
	base   string
	client = &http.Client{}
	server = &http.Server{Handler: mux, IdleTimeout: time.Minute}
)

func start() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	base = "http://" + listener.Addr().String()
	go server.Serve(listener)
}

func handle(f http.HandlerFunc) {
	mux.HandleFunc("/orders", f)
}

// request sends an order whose form has 64 KiB.
func request(n int) {
	form := url.Values{}
	for i := 0; i < 8; i++ {
		form.Set("line"+strconv.Itoa(i), strings.Repeat("x"+strconv.Itoa(n), 8000/len("x"+strconv.Itoa(n))))
	}
	r, err := http.NewRequest("POST", base+"/orders", strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-User", ordinary.Mail(uint64(n)))
	r.Header.Set("X-Request-Id", "request-"+strconv.Itoa(n))
	response, err := client.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(ioutil.Discard, response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		log.Fatal(response.Status)
	}
}

// rest ends the connections of the client and waits until the server has seen it.
func rest() {
	client.CloseIdleConnections()
	time.Sleep(20 * time.Millisecond)
}
