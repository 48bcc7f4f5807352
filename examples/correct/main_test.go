package main

import (
	"bytes"
	"os"
	"testing"
)

func Example() {
	main()
	// Output:
	// [0.99 1.05 0.00 2.00 1.05 1.00 1.02] [1 1 0 1 1 1 1] <nil>
	// k3 0.393 nats, ESS 0.91
}

// TestReadme keeps the README's program that of this folder.
func TestReadme(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readme, program[bytes.Index(program, []byte("package main")):]) {
		t.Error("the README does not show main.go as it is")
	}
}
