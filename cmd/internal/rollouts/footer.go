package rollouts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// checkFooter checks the length and the list sizes of the footer.
func checkFooter(at sizedReaderAt) error {
	size := at.Size()
	if size < 12 {
		return fmt.Errorf("only %d bytes", size)
	}
	var tail [8]byte
	if _, err := at.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return err
	}
	if magic := string(tail[4:]); magic != "PAR1" && magic != "PARE" {
		return errors.New("no footer at the end")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 {
		return fmt.Errorf("footer of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := at.ReadAt(footer, size-8-n); err != nil && err != io.EOF {
		return err
	}
	return checkThrift(footer)
}

// checkThrift walks a structure in Thrift's compact protocol and refuses lists
// longer than the bytes that follow.
func checkThrift(b []byte) error {
	t := thriftWalker{b}
	if err := t.structure(0); err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	return nil
}

type thriftWalker struct{ b []byte }

// Types of the compact protocol.
const (
	thriftStop = iota
	thriftTrue
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

func (t *thriftWalker) structure(depth int) error {
	for {
		head, err := t.skip(1)
		if err != nil {
			return err
		}
		if head == thriftStop {
			return nil
		}
		if head>>4 == 0 { // the field's number follows
			if _, err := t.varint(); err != nil {
				return err
			}
		}
		typ := head & 15
		if typ == thriftTrue || typ == thriftFalse {
			continue // a field's value is its type
		}
		if err := t.value(typ, depth); err != nil {
			return err
		}
	}
}

func (t *thriftWalker) value(typ byte, depth int) (err error) {
	if depth > 64 {
		return errors.New("nested too deep")
	}
	switch typ {
	case thriftTrue, thriftFalse, thriftByte:
		_, err = t.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err = t.varint()
	case thriftDouble:
		_, err = t.skip(8)
	case thriftBinary:
		var n uint64
		if n, err = t.varint(); err == nil {
			_, err = t.skip(n)
		}
	case thriftList, thriftSet:
		var head byte
		if head, err = t.skip(1); err != nil {
			return err
		}
		n := uint64(head >> 4)
		if n == 15 {
			if n, err = t.varint(); err != nil {
				return err
			}
		}
		err = t.values(n, depth, head&15)
	case thriftMap:
		var n uint64
		var types byte
		if n, err = t.varint(); err != nil || n == 0 {
			return err
		}
		if types, err = t.skip(1); err == nil {
			err = t.values(n, depth, types>>4, types&15)
		}
	case thriftStruct:
		err = t.structure(depth + 1)
	default:
		err = fmt.Errorf("unknown type %d", typ)
	}
	return err
}

// values walks n groups of values of the given types.
func (t *thriftWalker) values(n uint64, depth int, types ...byte) error {
	if n > uint64(len(t.b)) {
		return fmt.Errorf("list of %d elements in %d bytes", n, len(t.b))
	}
	for range n {
		for _, typ := range types {
			if err := t.value(typ, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip moves over n bytes and returns the first.
func (t *thriftWalker) skip(n uint64) (byte, error) {
	if n > uint64(len(t.b)) {
		return 0, io.ErrUnexpectedEOF
	}
	var first byte
	if n > 0 {
		first = t.b[0]
	}
	t.b = t.b[n:]
	return first, nil
}

func (t *thriftWalker) varint() (uint64, error) {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	t.b = t.b[n:]
	return v, nil
}
