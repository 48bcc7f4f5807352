//go:build !purego

package kernel

func amaxCall(dst, src *float32, tiles, turns int) { amaxNEON(dst, src, tiles, turns) }

func amaxBF16Call(dst *float32, src *uint16, tiles, turns int) {
	amaxBF16NEON(dst, src, tiles, turns)
}
