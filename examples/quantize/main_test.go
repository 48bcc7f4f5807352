package main

func Example() {
	main()
	// Output:
	// gate 16384 values in 9220 bytes, tensor scale 2.91e-05, relative error 0.096
	// up   16384 values in 9220 bytes, tensor scale 2.91e-05, relative error 0.094
}
