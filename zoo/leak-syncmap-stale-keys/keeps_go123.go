//go:build !go1.24
// +build !go1.24

package main

// The sync.Map of two maps.
const keepsDeletedKeys = true
