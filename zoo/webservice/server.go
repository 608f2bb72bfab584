package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// buffers are reused from request to request, as a busy service does.
var buffers = sync.Pool{New: func() interface{} { return new(bytes.Buffer) }}

var page = template.Must(template.New("receipt").Parse(`<!doctype html>
<title>Order {{.Number}}</title>
<h1>Order {{.Number}} of {{.Customer}}</h1>
<table>{{range .Lines}}<tr><td>{{.SKU}}<td>{{.Quantity}}<td>{{.Cents}}</tr>{{end}}</table>
<p>Total {{.Total}} cents. {{.Note}}</p>
`))

type contextKey int

const sessionKey contextKey = 1

var inFlight int32

// serving is the number of requests that are being served.
func serving() int32 {
	return atomic.LoadInt32(&inFlight)
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/login", login)
	mux.Handle("/orders", withSession(http.HandlerFunc(createOrder)))
	mux.Handle("/orders/", withSession(http.HandlerFunc(showOrder)))
	mux.Handle("/quote", withSession(http.HandlerFunc(quote)))
	mux.HandleFunc("/metrics", showMetrics)
	return measured(mux)
}

// statusRecorder remembers the status for the log.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// measured counts requests and their latencies and writes the access log.
func measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt32(&inFlight, 1)
		defer atomic.AddInt32(&inFlight, -1)
		start := time.Now()
		recorder := &statusRecorder{w, http.StatusOK}
		next.ServeHTTP(recorder, r)
		metrics.observe(routeOf(r.URL.Path), recorder.status, time.Since(start))
		errorLog.Printf("%s %s %d", r.Method, r.URL.Path, recorder.status)
	})
}

func routeOf(path string) string {
	if strings.HasPrefix(path, "/orders/") {
		return "/orders/{number}"
	}
	return path
}

func withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := sessions.find(r.Header.Get("X-Session"))
		if s == nil {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey, s)))
	})
}

func sessionOf(r *http.Request) *Session {
	return r.Context().Value(sessionKey).(*Session)
}

func login(w http.ResponseWriter, r *http.Request) {
	var credentials struct {
		User     string            `json:"user"`
		Settings map[string]string `json:"settings"`
	}
	if err := json.NewDecoder(r.Body).Decode(&credentials); err != nil || credentials.User == "" {
		http.Error(w, "bad credentials", http.StatusBadRequest)
		return
	}
	s := sessions.open(credentials.User, r.UserAgent(), credentials.Settings)
	answer(w, map[string]string{"session": s.ID, "user": s.User})
}

func createOrder(w http.ResponseWriter, r *http.Request) {
	order := new(Order)
	if err := json.NewDecoder(r.Body).Decode(order); err != nil || len(order.Lines) == 0 {
		http.Error(w, "bad order", http.StatusBadRequest)
		return
	}
	s := sessionOf(r)
	order.Customer = s.User
	if err := orders.add(order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.visited(r.URL.Path, order.Number)
	answer(w, order)
}

func showOrder(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseUint(strings.TrimPrefix(r.URL.Path, "/orders/"), 10, 64)
	order := orders.find(number)
	if err != nil || order == nil {
		http.NotFound(w, r)
		return
	}
	sessionOf(r).visited(r.URL.Path, number)
	text := receipts.get(number)
	if text == nil {
		b := buffers.Get().(*bytes.Buffer)
		b.Reset()
		if err := page.Execute(b, order); err != nil {
			errorLog.Print(err)
		}
		text = append([]byte(nil), b.Bytes()...)
		buffers.Put(b)
		receipts.put(number, text)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text)
}

func quote(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	q, err := fetchQuote(ctx, r.URL.Query().Get("sku"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusGatewayTimeout)
		return
	}
	answer(w, q)
}

func showMetrics(w http.ResponseWriter, r *http.Request) {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	metrics.write(b)
	w.Write(b.Bytes())
	buffers.Put(b)
}

func answer(w http.ResponseWriter, value interface{}) {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	if err := json.NewEncoder(b).Encode(value); err != nil {
		errorLog.Print(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b.Bytes())
	buffers.Put(b)
}
