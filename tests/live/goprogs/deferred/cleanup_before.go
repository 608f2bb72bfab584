//go:build !go1.24
// +build !go1.24

package main

func addCleanups() {}
