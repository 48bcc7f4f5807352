package rollouts

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/x448/float16"
)

// column reads the values of one leaf column, a row at a time.
type column struct {
	name  string
	leaf  int // index among the leaf columns
	kind  kind
	depth int // definition level of an element, null or not; of a value if no list
	max   int // definition level of a value

	pages  parquet.Pages
	page   parquet.Page // that values reads
	values parquet.ValueReader
	buf    [256]parquet.Value
	unread []parquet.Value // part of buf
}

func (c *column) openPages(chunk parquet.ColumnChunk) { c.pages = chunk.Pages() }

func (c *column) closePages() {
	c.unread = nil
	c.values = nil
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	if c.pages != nil {
		c.pages.Close()
		c.pages = nil
	}
}

// peek returns the next value, nil at the end of the row group.
func (c *column) peek() (*parquet.Value, error) {
	if len(c.unread) == 0 {
		if err := corrupt(c.fill); err != nil {
			return nil, fmt.Errorf("column %q: %w", c.name, err)
		}
		if len(c.unread) == 0 {
			return nil, nil
		}
	}
	return &c.unread[0], nil
}

// fill reads more values, of the next page if need be.
func (c *column) fill() error {
	for {
		if c.values != nil {
			n, err := c.values.ReadValues(c.buf[:])
			c.unread = c.buf[:n]
			switch {
			case err != nil && err != io.EOF:
				return err
			case n > 0:
				return nil
			case err == nil:
				return io.ErrNoProgress
			}
			c.values = nil
			parquet.Release(c.page)
			c.page = nil
		}
		if c.pages == nil {
			return nil
		}
		page, err := c.pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		c.page, c.values = page, page.Values()
	}
}

// atEnd reports a column that has values after the last row of its group.
func (c *column) atEnd() error {
	v, err := c.peek()
	if err == nil && v != nil {
		err = errCorrupt{fmt.Errorf("column %q has more rows than its row group", c.name)}
	}
	return err
}

// first returns the first value of the next row.
func (c *column) first() (*parquet.Value, error) {
	v, err := c.peek()
	switch {
	case err != nil:
		return nil, err
	case v == nil:
		return nil, errCorrupt{fmt.Errorf("column %q ends early", c.name)}
	case v.RepetitionLevel() != 0:
		return nil, errCorrupt{fmt.Errorf("column %q: a page starts inside a row", c.name)}
	}
	return v, nil
}

// readLabel reads a string or an integer; null, or a nil column, is absent.
// The result is prev if that has the same text.
func (c *column) readLabel(prev, absent string) (string, error) {
	if c == nil {
		return absent, nil
	}
	v, err := c.first()
	if err != nil {
		return "", err
	}
	c.unread = c.unread[1:]
	if v.DefinitionLevel() < c.max {
		return absent, nil
	}
	var text []byte
	var digits [20]byte
	switch c.kind {
	case kindBytes:
		text = v.ByteArray()
	case kindInt32:
		text = strconv.AppendInt(digits[:0], int64(v.Int32()), 10)
	case kindUint32:
		text = strconv.AppendUint(digits[:0], uint64(v.Uint32()), 10)
	case kindInt64:
		text = strconv.AppendInt(digits[:0], v.Int64(), 10)
	case kindUint64:
		text = strconv.AppendUint(digits[:0], v.Uint64(), 10)
	}
	if string(text) == prev {
		return prev, nil
	}
	return string(text), nil
}

// readList calls element for each element of the next list and reports
// whether there is a list at all; a nil column has none.
func (c *column) readList(element func(v *parquet.Value, null bool) error) (bool, error) {
	if c == nil {
		return false, nil
	}
	v, err := c.first()
	if err != nil {
		return false, err
	}
	if v.DefinitionLevel() < c.depth { // null, or with no elements
		isList := v.DefinitionLevel() == c.depth-1
		c.unread = c.unread[1:]
		return isList, nil
	}
	for n := 0; ; n++ {
		if n == maxTokens {
			return false, fmt.Errorf("column %q has more than %d values", c.name, maxTokens)
		}
		if err := element(v, v.DefinitionLevel() < c.max); err != nil {
			return false, err
		}
		c.unread = c.unread[1:]
		if v, err = c.peek(); err != nil || v == nil || v.RepetitionLevel() == 0 {
			return true, err
		}
	}
}

// readFloats appends the next list to dst, a null element as NaN.
func (c *column) readFloats(dst []float32) ([]float32, bool, error) {
	ok, err := c.readList(func(v *parquet.Value, null bool) error {
		x := float32(math.NaN())
		if !null {
			switch c.kind {
			case kindFloat:
				x = v.Float()
			case kindDouble:
				x = float32(v.Double())
			case kindHalf:
				b := v.ByteArray()
				x = float16.Frombits(uint16(b[0]) | uint16(b[1])<<8).Float32()
			}
		}
		dst = append(dst, x)
		return nil
	})
	return dst, ok, err
}

// readMask appends the next list to dst.
func (c *column) readMask(dst []uint8) ([]uint8, bool, error) {
	ok, err := c.readList(func(v *parquet.Value, null bool) error {
		if null {
			return fmt.Errorf("column %q holds a null", c.name)
		}
		var x int64
		switch c.kind {
		case kindBool:
			if v.Boolean() {
				x = 1
			}
		case kindInt32, kindUint32:
			x = int64(v.Int32())
		case kindInt64, kindUint64:
			x = v.Int64()
		}
		bit, err := maskBit(x)
		dst = append(dst, bit)
		return err
	})
	return dst, ok, err
}
