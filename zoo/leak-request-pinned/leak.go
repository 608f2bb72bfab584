package main

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"zoo/truth"
)

type contextKey string

const scopeKey contextKey = "scope"

// scope goes with the context of a request.
type scope struct {
	user    string
	request *http.Request
	values  map[string]string
}

// The audit's writer wants to know later which requests changed something.
type auditLog struct {
	mu      sync.Mutex
	pending map[string]context.Context
	names   []string // what the twin keeps
}

var audit = &auditLog{pending: map[string]context.Context{}}

func inScope(parent context.Context, r *http.Request) context.Context {
	return context.WithValue(parent, scopeKey, &scope{
		user:    r.Header.Get("X-User"),
		request: r,
		values:  map[string]string{"path": r.URL.Path},
	})
}

func (a *auditLog) handle(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.pending[r.Header.Get("X-Request-Id")] = inScope(r.Context(), r)
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func keepContexts() truth.Leak {
	handle(audit.handle)
	n := truth.Scaled(700)
	request(0)
	request(1)
	bytes := truth.Grew(func() {
		for i := 2; i < n; i++ {
			request(i)
		}
		rest()
	})
	bytes += bytes / int64(n-2) * 2
	return truth.Leak{Holder: "main.audit", Count: int64(n), Bytes: bytes}
}

func forgetContexts() {
	audit.mu.Lock()
	audit.pending = map[string]context.Context{}
	audit.mu.Unlock()
}

// Meant to carry settings from one step to the next; each request wraps it once more.
var (
	settingsMutex sync.Mutex
	settings      = context.Background()
)

func reuseContext(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	settingsMutex.Lock()
	settings = inScope(settings, r)
	settingsMutex.Unlock()
	w.Header().Set("X-Served", strconv.Itoa(len(r.Form)))
	w.WriteHeader(http.StatusNoContent)
}

func chainContexts() truth.Leak {
	handle(reuseContext)
	n := truth.Scaled(700)
	request(0)
	request(1)
	bytes := truth.Grew(func() {
		for i := 2; i < n; i++ {
			request(i)
		}
		rest()
	})
	bytes += bytes / int64(n-2) * 2
	return truth.Leak{Holder: "main.settings", Count: int64(n), Bytes: bytes}
}

func forgetChain() {
	settingsMutex.Lock()
	settings = context.Background()
	settingsMutex.Unlock()
}
