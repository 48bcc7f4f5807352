//go:build (!amd64 && !arm64) || purego

package kernel

func maxLogitFast(x []float32) (m float32, n int) { return negInf32, 0 }

func maxLogitBF16Fast(x []uint16) (m float32, n int) { return negInf32, 0 }

func addLogitsFast(lanes *logitLanes, x []float32, t *logitTerms) (n int) { return 0 }

func addLogitsBF16Fast(lanes *logitLanes, x []uint16, t *logitTerms) (n int) { return 0 }
