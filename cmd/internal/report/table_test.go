package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFormats(t *testing.T) {
	assert.Equal(t, "0.0300", sig(0.03))
	assert.Equal(t, "96.0", sig(96))
	assert.Equal(t, "123", sig(123))
	assert.Equal(t, "3.44e+03", sig(3438))
	assert.Equal(t, "0", sig(0))
	assert.Equal(t, "–", optional(nil))
	assert.Equal(t, "0.0 %", percent(0))
	assert.Equal(t, "<0.1 %", percent(1e-9))
	assert.Equal(t, "1.2 %", percent(0.012))
	assert.Equal(t, ">99.9 %", percent(1-1e-9))
	assert.Equal(t, "100.0 %", percent(1))
	assert.Equal(t, "7", count(7))
	assert.Equal(t, "1,234,567", count(1234567))
	se := 0.5
	assert.Equal(t, "1.00 ± 0.25 [0.50]", estimate(1, 0.25, &se))
	assert.Equal(t, "1.00 ± 0.25", estimate(1, 0.25, nil))
}

func TestTableAligns(t *testing.T) {
	table := newTable("name", "χ²")
	table.row("a", "10")
	table.row("longer", "9")
	var b strings.Builder
	table.write(&b)
	assert.Equal(t, "  name     χ²\n  ───────────\n  a        10\n  longer    9\n", b.String())
}

func TestWrap(t *testing.T) {
	text := strings.Repeat("word ", 50)
	for line := range strings.Lines(wrap(text, "  ")) {
		assert.LessOrEqual(t, len(line), 101)
		assert.True(t, strings.HasPrefix(line, "  word"))
	}
	assert.Empty(t, wrap("", "  "))
}
