//go:build !linux && !darwin

package main

import "time"

var started = time.Now()

// clock returns the time since the program began.
func clock() time.Duration { return time.Since(started) }
