package main

func Example() {
	main()
	// Output:
	// weights [0.99 1.05 0.00 2.00 1.05 1.00 1.02]
	// keep    [1 1 0 1 1 1 1]
	// k3 0.393 nats per token, 6 of 6 tokens kept, ESS 0.91
}
