package diagnose

import "strings"

// Expectation is what a rollout precision ordinarily gives, as K3 in nats per
// token: an estimate of KL(rollout‖trainer).
type Expectation struct {
	Format string // how the verdict calls it
	Usual  float64
	Limit  float64 // above it the forward pass is at fault, not the format
	Basis  string
}

// Figures behind the expectations. SmolLM2-135M is the sample in internal/sample;
// larger, calibrated models can be expected between its BF16 and its mixed NVFP4
// figure.
var expectations = []struct {
	names []string
	Expectation
}{
	{[]string{"nvfp4"}, Expectation{"NVFP4", 0.06, 0.2,
		"SmolLM2-135M with a third of its MLPs in NVFP4 gives 0.049"}},
	{[]string{"mxfp4", "fp4", "int4", "w4a"}, Expectation{"4-bit formats", 0.06, 0.2,
		"SmolLM2-135M with a third of its MLPs in NVFP4 gives 0.049"}},
	{[]string{"fp8", "e4m3", "e5m2", "mxfp8", "int8"}, Expectation{"FP8", 0.05, 0.15,
		"SmolLM2-135M in FP8 gives 0.034"}},
	{[]string{"bf16", "bfloat16", "fp16", "float16"}, Expectation{"16-bit formats", 0.002, 0.015,
		"NeMo-RL expects 0.001, SmolLM2-135M gives 0.0014, prime-rl accepts a model port below 0.015"}},
	{[]string{"fp32", "f32", "float32"}, Expectation{"float32", 0.002, 0.015,
		"a BF16 trainer against a float32 engine gives 0.0008 on SmolLM2-135M"}},
}

// unknown stands for a precision whose name says nothing.
var unknown = Expectation{"an unnamed precision", 0.05, 0.2, "judged by its size alone"}

// Expect returns what to expect of a rollout precision by its name, such as
// "nvfp4_w4a4" or "fp8-block128".
func Expect(precision string) Expectation {
	name := strings.ToLower(precision)
	for _, e := range expectations {
		for _, n := range e.names {
			if strings.Contains(name, n) {
				return e.Expectation
			}
		}
	}
	return unknown
}
