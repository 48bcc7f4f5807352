//go:build linux || darwin

package main

import (
	"syscall"
	"time"
)

// clock returns the processor time that the program has used: what other work on
// the machine takes does not show.
func clock() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
