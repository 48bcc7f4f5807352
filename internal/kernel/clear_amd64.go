//go:build !purego

package kernel

//go:generate env GOWORK=off go -C _asm run ./clear -out ../zclear_amd64.s -stubs ../zclear_amd64.go -pkg kernel

// clearLines sets whole cache lines at the start of b to zeros, and returns how
// many bytes. b starts with a line.
func clearLines(b []byte) int {
	done := 0
	for level != Generic {
		lines := groups(len(b)-done, cacheLine)
		if lines == 0 {
			break
		}
		clearLinesAVX2(&b[done], lines)
		done += lines * cacheLine
	}
	return done
}
