// Command peers is trueup's side of the comparison in peers.py: it does the work
// that the peers do, on the same bytes, one operation whenever it is asked.
//
//	peers [flags] DIR
//
// Arrays are files in DIR, in the machine's byte order. A line on standard input
// names an operation, and a line on standard output answers with the nanoseconds
// that one run of it took. Before the first of them an operation is run untimed,
// and its results are written to DIR, as NAME.0, NAME.1 and so on, for peers.py
// to compare with those of the peers.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// input is where the arrays are, and what they do not tell.
type input struct {
	directory  string
	columns    int // of the matrix of weights
	vocabulary int // columns of the logits
	width      int // columns of the padded batch
}

func main() {
	var in input
	flag.IntVar(&in.columns, "columns", 4096, "columns of the weights")
	flag.IntVar(&in.vocabulary, "vocabulary", 151936, "columns of the logits")
	flag.IntVar(&in.width, "width", 8192, "columns of the batch")
	flag.Parse()
	if in.directory = flag.Arg(0); flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Printf("%s, %v kernels\n", runtime.Version(), kernel.Current())
	serve(in)
}

// serve answers lines until standard input ends.
func serve(in input) {
	runs := map[string]func(){}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name := lines.Text()
		run, ok := runs[name]
		if !ok {
			op := operations[name](in)
			op.run()
			for i, b := range op.results() {
				must(os.WriteFile(filepath.Join(in.directory, fmt.Sprintf("%s.%d", name, i)), b, 0o666))
			}
			run, runs[name] = op.run, op.run
		}
		start := clock()
		run()
		fmt.Println((clock() - start).Nanoseconds())
	}
	must(lines.Err())
}

// load reads a file as values of type T.
func load[T any](in input, name string) []T {
	b, err := os.ReadFile(filepath.Join(in.directory, name))
	must(err)
	x := make([]T, len(b)/int(unsafe.Sizeof(*new(T))))
	copy(bytesOf(x), b)
	return x
}

// bytesOf returns the memory of x.
func bytesOf[T any](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(*new(T))))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
