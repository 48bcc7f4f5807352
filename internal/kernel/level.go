package kernel

import (
	"fmt"
	"os"
	"strings"
)

// Level is a set of instructions that kernels are written for. All levels give
// the same bits.
type Level uint8

const (
	Generic Level = iota // portable Go
	AVX2                 // AVX2 and FMA
	AVX512               // AVX-512 F, BW, DQ, VL, VBMI, VBMI2 and GFNI: Ice Lake, Zen 4 and later
	NEON                 // arm64
)

var levelNames = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

// String returns generic, avx2, avx512 or neon.
func (l Level) String() string { return levelNames[l] }

// ParseLevel reads what String prints.
func ParseLevel(s string) (Level, error) {
	for l, name := range levelNames {
		if s == name {
			return Level(l), nil
		}
	}
	return 0, fmt.Errorf("kernel: level %q is none of %s", s, strings.Join(levelNames[:], ", "))
}

// LevelVariable names the environment variable that forces a level, to find out
// whether a figure depends on one. A level that this machine lacks, or that does
// not exist, stops the program.
const LevelVariable = "TRUEUP_KERNEL"

// level is the one in use. It is written by init and by tests.
var level = chooseLevel(os.Getenv(LevelVariable))

// chooseLevel returns the best level of this machine, or the one forced.
func chooseLevel(forced string) Level {
	available := Levels()
	if forced == "" {
		return available[len(available)-1]
	}
	l, err := ParseLevel(forced)
	if err != nil {
		panic(LevelVariable + ": " + err.Error())
	}
	for _, a := range available {
		if a == l {
			return l
		}
	}
	panic(fmt.Sprintf("%s: this machine, or this build, has no level %v", LevelVariable, l))
}

// Current returns the level in use.
func Current() Level { return level }

// Use switches to a level of Levels and returns a function that switches back.
// It is for tests and benchmarks; no kernel may be running.
func Use(l Level) (restore func()) {
	old := level
	level = l
	return func() { level = old }
}
