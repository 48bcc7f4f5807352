// Package layout moves quantized matrices between the ways that engines and files hold them. It moves
// bits: no conversion here decodes a value, and each says when it cannot be exact.
//
//	block scales        row-major ↔ tiles of 128×4 or 8×4            [Swizzle], [Unswizzle]
//	4-bit codes         even/odd columns ↔ halves of a block          [PairsToHalves], [HalvesToPairs]
//	codes and scales    apart ↔ in blocks of ggml or FBGEMM           [Join], [Split]
//	tensor scale        multiplier ↔ divisor ↔ amax                   [Convert]
//	MXFP4               → NVFP4, where exact                          [MXFP4ToNVFP4]
//
// Lengths that the caller chooses panic where they do not fit. What may come from a file, such as the
// length of what is read from, gives an error.
package layout
