package main

import (
	"strconv"
	"sync"
	"time"
)

// Visit is what a session remembers of each page.
type Visit struct {
	Path   string
	Number uint64
	When   time.Time
}

// Session is a login. Nothing ever removes one: there is no logout and no expiry.
type Session struct {
	ID        string
	User      string
	Agent     string
	Settings  map[string]string
	Created   time.Time
	mu        sync.Mutex
	history   []Visit
	thumbnail []byte
}

// sessionStore holds the sessions by id.
type sessionStore struct {
	mu   sync.RWMutex
	byID map[string]*Session
	last uint64
}

var sessions = &sessionStore{byID: map[string]*Session{}}

func (s *sessionStore) open(user, agent string, settings map[string]string) *Session {
	session := &Session{
		User:      user,
		Agent:     agent,
		Settings:  settings,
		Created:   time.Now(),
		thumbnail: make([]byte, 12<<10),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	session.ID = "s" + strconv.FormatUint(s.last*2654435761%4294967291, 16) + "-" + strconv.FormatUint(s.last, 10)
	s.byID[session.ID] = session
	return session
}

func (s *sessionStore) find(id string) *Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

func (s *sessionStore) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byID)
}

func (s *Session) visited(path string, number uint64) {
	s.mu.Lock()
	s.history = append(s.history, Visit{path, number, time.Now()})
	s.mu.Unlock()
}
