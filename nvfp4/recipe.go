package nvfp4

// A Recipe names the arithmetic of one implementation, in one version. What its name stands for
// never changes: a new version that rounds otherwise gets a new name.
//
// Below, a is the amax given, b the largest magnitude of a block, s the block scale as stored, and x
// a value. All arithmetic is in float32, whatever the type of the input, unless the recipe says
// otherwise: each * and / rounds once to nearest even, in the order written. min and max keep NaN.
// e4m3 is [fp8.E4M3FromFloat32], which saturates at 448 and turns NaN into 0x7F, whatever sign the
// implementation's NaN has; e2m1 rounds to the nearest value, ties to the even code, saturating at 6,
// with the sign bit set if and only if its argument is below 0. Code 8 reads as -0 unless it is said
// to read as +0.
//
// An infinity in a tensor whose amax is given as a finite number saturates, unless the recipe has
// another code for it. A NaN makes the scale of its block NaN, hence the block, or the tile, decode to
// NaN, except with [GGML].
//
// Implementations refuse rows that are not made of whole blocks, except ModelOpt, which fills them up
// with zeros; so do all recipes here.
type Recipe uint8

const (
	// Default is ModelOpt's bytes, except where ModelOpt writes NaN for an input without NaN and
	// infinities:
	//
	//	a = 0               g is 1, so all scales are 1 (0x38) and all codes 0
	//	b = 0               s is 1, also if g underflowed to 0
	//
	// With a NaN or an infinity in a, all values decode to NaN: no NVFP4 tensor can stand for such an
	// input, and none is made up. AMax tells before.
	Default Recipe = iota

	// ModelOpt is NVFP4QTensor.quantize and dequantize of NVIDIA ModelOpt 0.47.0, dynamic block
	// scales, on the CPU.
	//
	//	TensorScale g   a/2688                          multiplies when decoding
	//	block scale s   e4m3(max(b/(6*g), 2^-9))        1 if the quotient is 0, as for b = 0
	//	code            e2m1(x/(s*g))                   NaN gives 7
	//	decoded         e2m1⁻¹(code)*(s*g)              code 8 reads as +0
	//
	// An all-zero tensor has g = 0, scales NaN and codes 7, and decodes to NaN. So does a block of
	// zeros where a/2688 underflows to 0 (a below 1.9e-42).
	//
	// If a is infinite, so is g: blocks with an infinity have scale NaN and codes 7, others scale 1
	// and codes 0. If a is NaN, g and all scales are NaN, and all codes 7.
	ModelOpt

	// TransformerEngine is NVFP4QuantizerRef, 1×16 tiles, of NVIDIA TransformerEngine at commit
	// d0067d0d; decoding is dequantize_fp4_kernel of the same commit. Its column-wise output is
	// [QuantizeTransposed], and if with_rht, [Quantize] of [HadamardTransposed].
	//
	//	TensorScale     a
	//	                S = min(2688/a, MaxFloat32)     1 if a is 0 or S is 0
	//	block scale s   e4m3(b*(S*(1/6)))               may underflow to 0, as for b = 0
	//	code            e2m1(x*min(1/(s*(1/S)), MaxFloat32))   NaN gives 0
	//	decoded         e2m1⁻¹(code)*((s*a)*(1/2688))
	//
	// A block whose scale underflows has codes 7 and F for all that is not 0; it decodes to 0. An
	// all-zero tensor has scales and codes 0. Decoding overflows if a exceeds MaxFloat32/448.
	//
	// If a is infinite, S is 1: a block with an infinity has scale 448 and code 7 or F there. If a is
	// NaN, all scales are NaN and all codes 0.
	TransformerEngine

	// TransformerEngineTile is TransformerEngine with 16×16 tiles, so that a matrix and its transpose
	// get the same codes: b is the largest magnitude of the tile, and its scale stands in each of its
	// rows. The last tiles are filled up with rows of zeros, which the Tensor does not hold; the
	// implementation leaves their scales in its output.
	TransformerEngineTile

	// TransformerEngineRowScaled is TransformerEngine with an a for each row, its own largest
	// magnitude: row_scaled_nvfp4. TensorScales holds them, and the amax given is not used.
	TransformerEngineRowScaled

	// TransformerEngine4Over6MSE256 is NVFP4QuantizerRef of the same commit with nvfp4_use_4over6,
	// which tries two scales for each block and keeps the better: one that maps b to code 7 (6), and
	// one that maps it to code 6 (4), where the codes below lie closer.
	//
	//	TensorScale     a
	//	                S = min((6*M)/a, MaxFloat32)    1 if a is 0 or S is 0; M = 256
	//	block scale s   e4m3((b/6)*S), or e4m3(((b/6)*S)*1.5) if its error is less
	//	code            e2m1(x*min(1/(s*(1/S)), MaxFloat32))   NaN gives 0
	//	error           Σ d*d over the block from front to back, d = ((e2m1⁻¹(code)*s)*a)/(6*M) - x
	//	decoded         e2m1⁻¹(code)*((s*a)*(1/(6*M)))
	//
	// All else is as with TransformerEngine. If a is 0 or infinite, errors are NaN or equal and the
	// first scale stays.
	TransformerEngine4Over6MSE256

	// TransformerEngine4Over6MSE448 is TransformerEngine4Over6MSE256 with M = 448, where the second
	// scale may saturate.
	TransformerEngine4Over6MSE448

	// TransformerEngine4Over6MAE256 is TransformerEngine4Over6MSE256 with the error Σ |d|.
	TransformerEngine4Over6MAE256

	// TransformerEngine4Over6MAE448 is TransformerEngine4Over6MAE256 with M = 448.
	TransformerEngine4Over6MAE448

	// TransformerEngine4Over6MSE256Tile is TransformerEngine4Over6MSE256 with 16×16 tiles, as
	// TransformerEngineTile. The errors of a tile's rows 0 to 15 are added as
	// (r, r+8), then (r, r+4), (r, r+2) and (r, r+1).
	TransformerEngine4Over6MSE256Tile

	// TransformerEngine4Over6MSE448Fast is TransformerEngine4Over6MSE448 with the errors in units of
	// 1/S, d = e2m1⁻¹(code)*s - x*S: nvfp4_4over6_err_use_fast_math.
	TransformerEngine4Over6MSE448Fast

	// CompressedTensors is the scheme NVFP4 of compressed-tensors 0.20.0, the library that
	// llm-compressor writes checkpoints with: generate_gparam, calculate_qparams for each 16,
	// NVFP4PackedCompressor.compress and decompress.
	//
	//	TensorScale G   2688*(1/max(a, tiny))           divides when decoding; 1 if NaN or infinite
	//	block scale s   e4m3(G*(b/6))                   0.125 if that is 0, as for b = 0
	//	code            e2m1(x/(s/G))                   NaN gives 0
	//	decoded         e2m1⁻¹(code)*(s/G)              which the implementation rounds to BF16
	//
	// G and b/6 are computed in the type of the input, each operation rounding to it, so that BF16 and
	// FP16 input give other bytes than the same values in float32; tiny is the type's smallest normal
	// number.
	//
	// An all-zero tensor has G = 1, scales 0.125 (0x20) and codes 0. If a is infinite, G is 0: blocks
	// with an infinity have scale NaN, all codes are 0. If a is NaN, G is 1, and the blocks without NaN
	// keep their values as far as that reaches.
	CompressedTensors

	// TorchAOTwoLevel is NVFP4Tensor.to_nvfp4 of torchao 0.18.0 with
	// per_tensor_scale = per_tensor_amax_to_scale(a).
	//
	//	TensorScale g   a/2688                          multiplies when decoding
	//	block scale s   e4m3(min(max((b/6)/g, 2^-6), 448))
	//	code            e2m1(x*((1/g)/s))               with the sign bit of x, so -0 gives 8
	//	decoded         e2m1⁻¹(code)*(s*g)
	//
	// NaN gives code C: on the implementation's side that depends on its sign and payload. An all-zero
	// tensor has g = 0 and scales NaN, and so has a block of zeros where g underflows to 0. If a is
	// infinite, blocks with an infinity have scale NaN, others 2^-6 and codes 0 and 8. If a is NaN, all
	// scales are NaN.
	TorchAOTwoLevel

	// TorchAOOneLevel is NVFP4Tensor.to_nvfp4 of torchao 0.18.0 without a per_tensor_scale. The amax
	// given is not used, and TensorScale is 1.
	//
	//	block scale s   e4m3(min(max(b/6, 2^-6), 448))
	//	code            e2m1(x*(1/s))                   with the sign bit of x, so -0 gives 8
	//	decoded         e2m1⁻¹(code)*s
	//
	// NaN gives code 4, see TorchAOTwoLevel. Zeros have scale 2^-6; a block with an infinity has scale
	// 448 and saturates.
	TorchAOOneLevel

	// FlashInferTE is TransformerEngine's arithmetic, which FlashInfer uses with fast math off:
	// ref_fp4_quant_te(x, a) of tests/test_helpers/utils_fp4.py at commit fb28d724. The kernels that
	// FlashInfer runs by default use an approximate reciprocal, which no CPU can follow.
	FlashInferTE

	// FlashInferTEPerToken is FlashInferTE with an a for each row, as TransformerEngineRowScaled:
	// per_token_rowwise.
	FlashInferTEPerToken

	// FlashInferReference is ref_fp4_quant(x, G) of the same file.
	//
	//	TensorScale G   2688*(1/a)                      divides when decoding; 1 if a is 0
	//	block scale s   e4m3(G*(b*(1/6)))               may underflow to 0, as for b = 0
	//	code            e2m1(x*(1/(s*(1/G))))           NaN gives 0; 0 if s*(1/G) is 0
	//	decoded         e2m1⁻¹(code)*(s/G)
	//
	// If a is infinite or NaN, G is 0 or NaN: blocks with an infinity, or all, have scale NaN, and all
	// codes are 0. The function itself fails on such input.
	FlashInferReference

	// GGML is quantize_row_nvfp4_ref of ggml at commit d99724f2. The amax given is not used, and
	// TensorScale is 1.
	//
	//	block scale s   ue4m3(b/6)                      NaNs of the block count as 0
	//	code            the code whose value*s is nearest to x, of two the one nearer to 0; 0 for what
	//	                comes nearest to 0, and for NaN and infinities
	//	decoded         e2m1⁻¹(code)*s                  code 8 reads as +0, scale 0x7F as 0
	//
	// ue4m3 rounds halves up: below 2^-6 to min(floor(v*512 + 0.5), 7)/512, and 248 and above become
	// 448. ggml stores the codes of a block in another order.
	GGML

	// FourOverSixMSE is the PyTorch reference of fouroversix at commit dadfad69 with
	// ScaleRule.mse. As TransformerEngine4Over6MSE256 but for this:
	//
	//	                S = (6*M)/a
	//	code            e2m1(x*(1/((1/S)*s))), where a magnitude from 7 to 9 gives code 8, and infinite
	//	                and NaN ones code B; all codes are 0 if s is 0
	//	error           Σ d*d as eight sums over values i and i+8, then over these; a value of 7 to 9
	//	                counts as decoded to 8
	//
	// That range is met where a scale near 2^-9 was rounded down hard. All scales and codes are 0 if a
	// is 0. If a is so small that S is infinite, all scales are 448 and all codes of blocks B. Above
	// 9, which takes an amax below b, codes saturate at 6.
	FourOverSixMSE

	// FourOverSixMAE is FourOverSixMSE with the error Σ |d|: ScaleRule.mae.
	FourOverSixMAE

	// FourOverSixAbsMax is FourOverSixMSE with the error max |d|: ScaleRule.abs_max.
	FourOverSixAbsMax

	// FourOverSixMSETile is FourOverSixMSE with 16×16 tiles (block_scale_2d): see
	// TransformerEngineTile. The errors of a tile, row by row, are added up in vectors of eight: the
	// ith to sum i%4, then the four sums in order, and then their eight lanes.
	FourOverSixMSETile

	// FourOverSixStatic6 is FourOverSixMSE with the first scale only and M = 448: ScaleRule.static_6.
	FourOverSixStatic6

	// FourOverSixStatic4 maps b to 4 instead, and TensorScale a to 4*448: ScaleRule.static_4.
	//
	//	                S = (4*448)/a
	//	block scale s   e4m3((b/4)*S)
	//	decoded         e2m1⁻¹(code)*((s*a)*(1/(4*448)))
	FourOverSixStatic4

	// FourOverSixStatic6Tile is FourOverSixStatic6 with 16×16 tiles (block_scale_2d).
	FourOverSixStatic6Tile

	// OptimalMSE is nvfp4_optimal of qwantize 0.1.1, which tries every scale. The amax given is not
	// used, and TensorScale is 1.
	//
	//	block scale s   that of the 126 positive scales with the least error Σ d*d,
	//	                d = x - e2m1⁻¹(code)*s; of equal ones e4m3(b/6), else the smallest
	//	code            e2m1(x/s), but ties toward 0
	//	decoded         e2m1⁻¹(code)*s
	//
	// The error is summed as with FourOverSixMSE. If e4m3(b/6) is 0, it stays, and the codes are 7 and
	// F for all that is not 0, which decode to 0. It stays also if the error is infinite for all. A
	// block with a NaN has scale NaN and codes 0.
	//
	// Scales that the block's maximum, or the values so far, rule out are not tried to the end; that
	// changes no bit.
	OptimalMSE
)
