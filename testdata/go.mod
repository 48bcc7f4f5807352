module github.com/trueup-rl/trueup/testdata

go 1.26.0
