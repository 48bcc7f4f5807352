"""What is timed: the buffers, and each peer's own call on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
import torch
import verl.utils.torch_functional as verl_functional
from compressed_tensors.compressors import NVFP4PackedCompressor
from compressed_tensors.quantization import QuantizationScheme, preset_name_to_scheme
from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam
from modelopt.torch.quantization.qtensor import FP8QTensor, NVFP4QTensor
from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor, per_tensor_amax_to_scale
from torchao.quantization.quant_primitives import _choose_scale_float8, _quantize_affine_float8
from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_and_rejection_mask

ROWS, COLUMNS = 4096, 4096
LOGITS_ROWS, VOCABULARY = 64, 151936
BATCH, WIDTH, SHORTEST = 512, 8192, 402  # 2.2 million valid tokens

Results = Sequence[torch.Tensor]


@dataclass(frozen=True)
class Operation:
    name: str  # the Go program's
    title: str  # the table's
    nbytes: int  # of the values that are read, or where it decodes, written
    peers: dict[str, Callable[[], Results]]  # results in the Go program's order


def operations(directory: Path) -> list[Operation]:
    """Writes the buffers to the directory, for the Go program to read."""
    rng = np.random.default_rng(1)
    return [*formats(directory, rng), *logprobs(directory, rng), *corrections(directory, rng)]


def formats(directory: Path, rng: np.random.Generator) -> list[Operation]:
    array = rng.standard_normal((ROWS, COLUMNS), np.float32) * np.float32(0.02)
    x = torch.from_numpy(array)
    x16 = x.bfloat16()
    write(directory, {"weights.f32": x, "weights.bf16": x16})

    packed, scale, tensor_scale = modelopt_nvfp4(x)
    modelopt = NVFP4QTensor(x.shape, x.dtype, packed)
    torchao = NVFP4Tensor(packed, scale, 16, x.dtype, tensor_scale)
    scheme = preset_name_to_scheme("NVFP4", ["Linear"])
    f32, bf16 = x.nbytes, x16.nbytes
    return [
        Operation("f32_bf16", "float32 → BF16", f32, {
            "torch": cast(x, torch.bfloat16),
            "ml_dtypes": numpy_cast(array, ml_dtypes.bfloat16),
        }),
        Operation("f32_e4m3", "float32 → E4M3", f32, {
            "torch": cast(x, torch.float8_e4m3fn),
            "ml_dtypes": numpy_cast(array, ml_dtypes.float8_e4m3fn),
        }),
        Operation("f32_fp8", "float32 → E4M3, one scale", f32, {
            "ModelOpt": lambda: modelopt_fp8(x),
            "torchao": lambda: torchao_fp8(x),
        }),
        Operation("f32_nvfp4", "float32 → NVFP4", f32, {
            "ModelOpt": lambda: modelopt_nvfp4(x),
            "torchao": lambda: torchao_nvfp4(x),
            "compressed-tensors": lambda: compressed_tensors_nvfp4(x, scheme),
        }),
        Operation("bf16_nvfp4", "BF16 → NVFP4", bf16, {
            "ModelOpt": lambda: modelopt_nvfp4(x16),
            "torchao": lambda: torchao_nvfp4(x16),
            "compressed-tensors": lambda: compressed_tensors_nvfp4(x16, scheme),
        }),
        Operation("nvfp4_f32", "NVFP4 → float32", f32, {
            "ModelOpt": lambda: [modelopt.dequantize(scale=scale, double_scale=tensor_scale, block_sizes={-1: 16})],
            "torchao": lambda: [torchao.dequantize()],
        }),
    ]


def cast(x: torch.Tensor, dtype: torch.dtype) -> Callable[[], Results]:
    out = torch.empty_like(x, dtype=dtype)
    return lambda: [out.copy_(x)]


def numpy_cast(x: np.ndarray, dtype: type) -> Callable[[], Results]:
    out: np.ndarray = np.empty_like(x, dtype=dtype)

    def run() -> Results:
        np.copyto(out, x, casting="unsafe")
        return [torch.from_numpy(out.view(np.uint8))]

    return run


def modelopt_fp8(x: torch.Tensor) -> Results:
    q, scale = FP8QTensor.quantize(x)
    return q._quantized_data, scale


def torchao_fp8(x: torch.Tensor) -> Results:
    scale = _choose_scale_float8(x, list(x.shape))
    return _quantize_affine_float8(x, scale), scale


def modelopt_nvfp4(x: torch.Tensor) -> Results:
    q, scale, tensor_scale = NVFP4QTensor.quantize(x, 16)
    return q._quantized_data, scale, tensor_scale


def torchao_nvfp4(x: torch.Tensor) -> Results:
    tensor_scale = per_tensor_amax_to_scale(x.abs().max())
    q = NVFP4Tensor.to_nvfp4(x, 16, tensor_scale)
    return q.qdata, q.scale, tensor_scale


def compressed_tensors_nvfp4(x: torch.Tensor, scheme: QuantizationScheme) -> Results:
    low, high = x.unflatten(-1, (-1, 16)).aminmax(dim=-1)
    divisor = generate_gparam(low.min(), high.max())
    scale, _ = calculate_qparams(low, high, scheme.weights, divisor)
    state = {"weight": x, "weight_scale": scale, "weight_global_scale": divisor}
    out = NVFP4PackedCompressor.compress(state, scheme)
    return out["weight_packed"], out["weight_scale"]


def logprobs(directory: Path, rng: np.random.Generator) -> list[Operation]:
    x = torch.from_numpy(rng.standard_normal((LOGITS_ROWS, VOCABULARY), np.float32) * np.float32(3))
    x16 = x.bfloat16()
    tokens = torch.from_numpy(rng.integers(VOCABULARY, size=LOGITS_ROWS))
    write(directory, {"logits.f32": x, "logits.bf16": x16, "tokens": tokens.int()})
    return [
        Operation("logprob_f32", "log-probability, entropy of float32", x.nbytes, {
            "torch": lambda: torch_logprobs(x, tokens),
            "verl": lambda: verl_logprobs(x, tokens),
        }),
        Operation("logprob_bf16", "log-probability, entropy of BF16", x16.nbytes, {
            "torch": lambda: torch_logprobs(x16, tokens),
            "verl": lambda: verl_logprobs(x16, tokens),
        }),
    ]


def torch_logprobs(logits: torch.Tensor, tokens: torch.Tensor) -> Results:
    p = torch.log_softmax(logits.float(), -1)
    return p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1), -(p.exp() * p).sum(-1)


def verl_logprobs(logits: torch.Tensor, tokens: torch.Tensor) -> Results:
    return verl_functional.logprobs_from_logits(logits, tokens), verl_functional.entropy_from_logits(logits)


def corrections(directory: Path, rng: np.random.Generator) -> list[Operation]:
    rollout = torch.from_numpy(-np.abs(rng.standard_normal((BATCH, WIDTH), np.float32)))
    trainer = rollout + torch.from_numpy(np.float32(0.3) * rng.standard_normal((BATCH, WIDTH), np.float32))
    lengths = torch.linspace(SHORTEST, WIDTH, BATCH).int()
    mask = (torch.arange(WIDTH) < lengths.unsqueeze(-1)).long()  # verl's type of mask
    write(directory, {"trainer": trainer, "rollout": rollout, "lengths": lengths, "mask": mask.byte()})
    nbytes = 2 * 4 * int(lengths.sum())
    floats = mask.float()
    return [
        Operation("tis", "importance weights, token TIS", nbytes, {
            "torch": lambda: [(trainer - rollout).clamp(-20, 20).exp().clamp(max=2) * floats],
        }),
        Operation("correction", "TIS, filter and all metrics of verl", nbytes, {
            "verl": lambda: verl_correction(trainer, rollout, mask),
        }),
    ]


def verl_correction(trainer: torch.Tensor, rollout: torch.Tensor, mask: torch.Tensor) -> Results:
    weights, kept, metrics = compute_rollout_correction_and_rejection_mask(
        trainer, rollout, mask,
        rollout_is="token", rollout_is_threshold=2.0,
        rollout_rs="seq_mean_k1", rollout_rs_threshold="0.99_1.01",
    )
    assert weights is not None
    values = torch.tensor([metrics[name] for name in sorted(metrics)])
    return weights.batch["rollout_is_weights"], kept, values


def write(directory: Path, tensors: dict[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        raw(tensor).tofile(directory / name)


def raw(x: torch.Tensor) -> np.ndarray:
    """Returns the bytes of a tensor."""
    return x.contiguous().reshape(-1).view(torch.uint8).numpy()
