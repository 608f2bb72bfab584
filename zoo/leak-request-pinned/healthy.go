package main

import (
	"net/http"

	"zoo/truth"
)

// note keeps what is needed of the request, and nothing of the request itself.
func (a *auditLog) note(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.names = append(a.names, r.Header.Get("X-User")+" "+r.Header.Get("X-Request-Id"))
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func keepNames() {
	handle(audit.note)
	for i := 0; i < truth.Scaled(700); i++ {
		request(i)
	}
	rest()
}

// useScope wraps the context of its request, and both end together.
func useScope(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s := inScope(r.Context(), r).Value(scopeKey).(*scope)
	w.Header().Set("X-Served", s.values["path"])
	w.WriteHeader(http.StatusNoContent)
}

func freshContexts() {
	handle(useScope)
	for i := 0; i < truth.Scaled(700); i++ {
		request(i)
	}
	rest()
}
