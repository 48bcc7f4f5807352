package rollouts

import (
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// kind is how a leaf column stores its values.
type kind uint8

const (
	kindBool kind = iota
	kindInt32
	kindUint32
	kindInt64
	kindUint64
	kindFloat
	kindDouble
	kindHalf
	kindBytes
	kindOther
)

// shape is what a column has to be.
type shape struct {
	list  bool
	kinds []kind
	want  string
}

var (
	texts      = shape{false, []kind{kindBytes}, "a string"}
	labels     = shape{false, []kind{kindBytes, kindInt32, kindUint32, kindInt64, kindUint64}, "a string or an integer"}
	maskLists  = shape{true, []kind{kindBool, kindInt32, kindUint32, kindInt64, kindUint64}, "a list of booleans or integers"}
	floatLists = shape{true, []kind{kindFloat, kindDouble, kindHalf}, "a list of FLOAT, DOUBLE or FLOAT16"}
)

// findColumn returns the named top-level column, nil if the file has none, or
// an error if it is of another shape. A list is whatever repeats one leaf:
// three-level lists, and the two-level and bare ones of old writers.
func findColumn(f *parquet.File, name string, want shape) (*column, error) {
	node := f.Root().Column(name)
	if node == nil {
		return nil, nil
	}
	top := node
	depth := 0
	for level := 0; ; {
		if node.Optional() || node.Repeated() {
			level++
		}
		if node.Repeated() {
			depth = level
		}
		if node.Leaf() || len(node.Columns()) != 1 {
			break
		}
		node = node.Columns()[0]
	}
	list := node.MaxRepetitionLevel() == 1
	nested := !node.Leaf() || node.MaxRepetitionLevel() > 1 || node != top && !list
	k := kindOther
	if !nested {
		k = leafKind(f, node)
	}
	if nested || list != want.list || !slices.Contains(want.kinds, k) {
		return nil, fmt.Errorf("column %q: found %s, want %s", name, describe(f, node, nested), want.want)
	}
	return &column{name: name, leaf: node.Index(), kind: k, depth: depth, max: node.MaxDefinitionLevel()}, nil
}

func leafKind(f *parquet.File, leaf *parquet.Column) kind {
	e := leafElement(f, leaf)
	if _, ok := e.LogicalType.Value.(*format.DecimalType); ok {
		return kindOther
	}
	integer, _ := e.LogicalType.Value.(*format.IntType)
	unsigned := integer != nil && !integer.IsSigned
	switch e.Type.V {
	case format.Boolean:
		return kindBool
	case format.Int32:
		if unsigned {
			return kindUint32
		}
		return kindInt32
	case format.Int64:
		if unsigned {
			return kindUint64
		}
		return kindInt64
	case format.Float:
		return kindFloat
	case format.Double:
		return kindDouble
	case format.ByteArray:
		return kindBytes
	case format.FixedLenByteArray:
		if _, ok := e.LogicalType.Value.(*format.Float16Type); ok && e.TypeLength.V == 2 {
			return kindHalf
		}
	}
	return kindOther
}

// leafElement returns the schema element of a leaf column: the library keeps
// FLOAT16 to itself.
func leafElement(f *parquet.File, leaf *parquet.Column) *format.SchemaElement {
	i := 0
	for j := range f.Metadata().Schema {
		e := &f.Metadata().Schema[j]
		if !e.Type.Valid {
			continue
		}
		if i == leaf.Index() {
			return e
		}
		i++
	}
	return &format.SchemaElement{}
}

// describe names the type of a column for an error.
func describe(f *parquet.File, leaf *parquet.Column, nested bool) string {
	if nested {
		return "a nested type"
	}
	typ := leaf.Type().String()
	if lt := leafElement(f, leaf).LogicalType.Value; lt != nil {
		typ = fmt.Sprint(lt)
	}
	if leaf.MaxRepetitionLevel() == 1 {
		return "a list of " + typ
	}
	return typ
}
