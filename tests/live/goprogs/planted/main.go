// Puts a secret, which comes as its only argument and in the environment, wherever a Go program
// keeps data, prints "ready" and waits. None of it may be found in a snapshot.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
)

type user struct {
	name, password string
	token          []byte
	fixed          [32]byte
	number         uint64
	next           *user
}

type keyed struct {
	first, second string
}

var (
	inGlobal  [64]byte // .noptrbss
	users     = map[string]*user{}
	byKeyed   = map[keyed]int{}
	byNumber  = map[uint64]string{}
	byArray   = map[[32]byte]bool{}
	anything  []interface{}
	wide      []uint16
	halves    [2]string
	queue     = make(chan string, 8)
	cached    sync.Map
	failure   error
	made      reflect.Value
	callbacks []func() string
	text      string
)

//go:noinline
func holdOnStack(secret string, standing *sync.WaitGroup) {
	var local [64]byte
	copy(local[:], secret)
	named := secret[:16] + "-local"
	standing.Done()
	select {}
	runtime.KeepAlive(&local)
	runtime.KeepAlive(named)
}

func main() {
	secret := os.Args[1]
	number := binary.LittleEndian.Uint64([]byte(secret))
	copy(inGlobal[:], secret)
	var last *user
	for i := 0; i < 200; i++ {
		u := &user{name: fmt.Sprint(secret, i), password: secret, token: []byte(secret), number: number, next: last}
		copy(u.fixed[:], secret)
		users[fmt.Sprint("key-", secret, i)] = u
		last = u
		byKeyed[keyed{fmt.Sprint(i), secret + "k"}] = i
		byNumber[number+uint64(i)] = strings.Repeat(secret, 3)
		var key [32]byte
		copy(key[:], secret)
		key[31] = byte(i)
		byArray[key] = true
		anything = append(anything, secret+"any", number+uint64(i), []byte(secret))
		cached.Store(secret+fmt.Sprint(i), &user{name: secret})
	}
	wide = utf16.Encode([]rune(secret))
	halves[0], halves[1] = strings.ToUpper(secret[:len(secret)/2]), strings.ToUpper(secret[len(secret)/2:])
	for len(queue) < cap(queue) {
		queue <- secret + "queued"
	}
	failure = errors.New("cannot log in with " + secret)
	text = secret + os.Getenv("PLANTED")
	callbacks = append(callbacks, func() string { return text + secret })
	made = reflect.New(reflect.StructOf([]reflect.StructField{{
		Name: "Field" + secret,
		Type: reflect.TypeOf(""),
		Tag:  reflect.StructTag(`json:"` + secret + `"`),
	}}))
	anything = append(anything, made.Interface())

	var standing sync.WaitGroup
	for i := 0; i < 5; i++ {
		standing.Add(1)
		go pprof.Do(context.Background(), pprof.Labels("customer", secret), func(context.Context) {
			holdOnStack(secret, &standing)
		})
	}
	standing.Wait()
	timer := time.AfterFunc(time.Hour, func() { fmt.Println(secret) })
	fmt.Println("ready")
	time.Sleep(time.Hour)
	runtime.KeepAlive(timer)
}
