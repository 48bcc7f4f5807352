package figures

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// linear marks a linear axis with multiples of 1, 2 or 5 times a power of ten.
type linear struct{}

func (linear) Ticks(low, high float64) []plot.Tick {
	const most = 6 // steps
	exp := int(math.Floor(math.Log10((high - low) / most)))
	step := math.Pow10(exp)
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * math.Pow10(exp); (high-low)/step <= most {
			break
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step*1.001))))
	var ticks []plot.Tick
	for k := math.Ceil(low/step - 1e-9); k <= high/step+1e-9; k++ {
		text := strconv.FormatFloat(k*step, 'f', decimals, 64)
		if k == 0 {
			text = "0"
		}
		ticks = append(ticks, plot.Tick{
			Value: max(low, min(k*step, high)),
			Label: strings.Replace(text, "-", "−", 1),
		})
	}
	return ticks
}

// powers marks an axis of log2 x with powers of two and labels them about most
// times.
type powers struct{ most int }

func (t powers) Ticks(low, high float64) []plot.Tick {
	step := 1
	for (high-low)/float64(step) > float64(t.most) {
		step *= 2
	}
	var ticks []plot.Tick
	for k := int(math.Ceil(low)); float64(k) <= high; k++ {
		tick := plot.Tick{Value: float64(k)}
		if k%step == 0 {
			tick.Label = powerLabel(k)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

func powerLabel(k int) string {
	if k < 0 {
		return "1/" + powerLabel(-k)
	}
	units := []string{"", "K", "M", "G"}
	return strconv.Itoa(1<<(k%10)) + units[min(k/10, 3)]
}

// decades sets an axis of log10 y to whole decades around low and high, at most
// maxDecades of them.
func decades(a *plot.Axis, low, high float64) {
	if low > high { // no value
		low, high = -3, 0
	}
	a.Max = math.Ceil(high)
	a.Min = math.Floor(low)
	if a.Max <= a.Min {
		a.Max = a.Min + 1
	}
	a.Min = max(a.Min, a.Max-maxDecades)
	a.Tick.Marker = decadeTicks{}
}

const maxDecades = 12

// decadeTicks marks an axis of log10 y with powers of ten.
type decadeTicks struct{}

func (decadeTicks) Ticks(low, high float64) []plot.Tick {
	step := 1 + int(high-low)/7
	var ticks []plot.Tick
	for k := int(math.Ceil(low)); float64(k) <= high; k++ {
		if k%step == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(k), Label: decadeLabel(k)})
		}
	}
	return ticks
}

func decadeLabel(k int) string {
	if -3 <= k && k <= 3 {
		return strconv.FormatFloat(math.Pow10(k), 'f', -1, 64)
	}
	return "10" + strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
		"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(k))
}
