//go:build go1.24
// +build go1.24

package main

// The sync.Map that is a tree of hashes deletes for real.
const keepsDeletedKeys = false
