// Package kernel holds the arithmetic that every result rests on: functions
// whose bits do not depend on the machine, the order in which a row's terms are
// added, and (see README.md) the loops that have or will have a SIMD form.
//
// Nothing here checks its arguments; the public packages do, once.
package kernel

//go:generate env GOWORK=off go -C _asm run ./count -out ../INSTRUCTIONS.md
