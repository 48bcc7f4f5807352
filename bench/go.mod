module github.com/trueup-rl/trueup/bench

go 1.26.0

require github.com/trueup-rl/trueup v0.1.0

require (
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/trueup-rl/trueup => ../
