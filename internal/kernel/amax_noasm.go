//go:build (!amd64 && !arm64) || purego

package kernel

func amaxFast(src []float32) (m uint32, n int) { return 0, 0 }

func amaxBF16Fast(src []uint16) (m uint16, n int) { return 0, 0 }

func amaxTilesFast(amax, src []float32, width int) (tiles int) { return 0 }

func amaxTilesBF16Fast(amax []float32, src []uint16, width int) (tiles int) { return 0 }
