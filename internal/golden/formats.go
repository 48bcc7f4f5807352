package golden

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

// EachFile runs f as a subtest for each safetensors file of formats/<folder>, whatever files those
// are, named by the file without its ending. The inputs, inputs.safetensors, are left out. A folder
// without files fails the test.
func EachFile(t *testing.T, folder string, f func(t *testing.T, name string, file *safetensors.File)) {
	t.Helper()
	dir := Dir(t, "formats/"+folder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	found := false
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".safetensors")
		if !ok || name == "inputs" {
			continue
		}
		found = true
		t.Run(name, func(t *testing.T) { f(t, name, open(t, filepath.Join(dir, entry.Name()))) })
	}
	if !found {
		t.Fatalf("golden: %s has no safetensors files but inputs", dir)
	}
}

func open(t *testing.T, path string) *safetensors.File {
	t.Helper()
	file, err := safetensors.Open(path)
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return file
}

// Peer is a file of what one peer made of the inputs in the same folder, by one call. The tensors of a
// case are named <case>/<field>, and its input <case>.
type Peer struct {
	*safetensors.File
	Name   string // of the file, without its ending
	inputs *safetensors.File
}

// EachPeer is EachFile with the inputs. oracles holds what is known of each peer, by the file's name: a
// file that it lacks fails its subtest.
func EachPeer[O any](t *testing.T, folder string, oracles map[string]O, f func(t *testing.T, p *Peer, oracle O)) {
	t.Helper()
	inputs := open(t, filepath.Join(Dir(t, "formats/"+folder), "inputs.safetensors"))
	EachFile(t, folder, func(t *testing.T, name string, file *safetensors.File) {
		oracle, ok := oracles[name]
		if !ok {
			t.Fatalf("golden: no recipe is known for %s.safetensors: add it to the table of oracles", name)
		}
		f(t, &Peer{file, name, inputs}, oracle)
	})
}

// EachCase runs f as a subtest for each case of p, named by it. A file without cases fails the test.
func (p *Peer) EachCase(t *testing.T, f func(t *testing.T, name string, x Matrix)) {
	t.Helper()
	cases := p.cases(t)
	if len(cases) == 0 {
		t.Fatalf("golden: %s has no cases", p.Name)
	}
	for _, c := range cases {
		t.Run(c, func(t *testing.T) { f(t, c, ReadMatrix(t, p.inputs, c)) })
	}
}

// cases returns the names of the cases, sorted: what stands before the last slash in those of tensors.
func (p *Peer) cases(t *testing.T) (cases []string) {
	t.Helper()
	for _, name := range p.Names() {
		slash := strings.LastIndexByte(name, '/')
		if slash < 0 {
			t.Fatalf("golden: tensor %q of %s is not named <case>/<field>", name, p.Name)
		}
		cases = append(cases, name[:slash])
	}
	slices.Sort(cases)
	return slices.Compact(cases)
}

// Matrix is a row-major matrix: its float32 values, and where it is of that type its BF16 ones.
type Matrix struct {
	Rows, Cols int
	F32        []float32
	BF16       []bf16.BF16 // nil if the matrix is of float32
}

// ReadMatrix returns the named tensor of a file, of type F32 or BF16.
func ReadMatrix(t *testing.T, file *safetensors.File, name string) (x Matrix) {
	t.Helper()
	tensor, ok := file.Tensor(name)
	if !ok {
		t.Fatalf("golden: no input %q", name)
	}
	if len(tensor.Shape) != 2 {
		t.Fatalf("golden: input %q has shape %v, want a matrix", name, tensor.Shape)
	}
	x.Rows, x.Cols = tensor.Shape[0], tensor.Shape[1]
	x.F32, x.BF16 = Floats(t, file, name)
	return x
}

// Floats returns a tensor of type F32 or BF16 as float32, and as BF16 if it is.
func Floats(t *testing.T, file *safetensors.File, name string) (values []float32, half []bf16.BF16) {
	t.Helper()
	if tensor, _ := file.Tensor(name); tensor.DType != "BF16" {
		values, err := file.F32(name)
		if err != nil {
			t.Fatalf("golden: %v", err)
		}
		return values, nil
	}
	bits, err := file.BF16(name)
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	half, values = make([]bf16.BF16, len(bits)), make([]float32, len(bits))
	for i, b := range bits {
		half[i] = bf16.FromBits(b)
	}
	bf16.Decode(values, half)
	return values, half
}

// SameFloat compares bits, NaN as one class.
func SameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}
