package nvfp4_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/nvfp4"
)

func TestFusedAMax(t *testing.T) {
	assert.Zero(t, nvfp4.FusedAMax[float32]())
	assert.Equal(t, float32(3), nvfp4.FusedAMax([]float32{1, -3}, nil, []float32{2}))
	assert.True(t, math.IsNaN(float64(nvfp4.FusedAMax([]float32{nan}, []float32{2}))))
	assert.True(t, math.IsNaN(float64(nvfp4.FusedAMax([]float32{2}, []float32{nan}))))
	assert.Equal(t, float32(3), nvfp4.FusedAMax([]bf16.BF16{0x3F80}, []bf16.BF16{0xC040}))
}

func TestFusedGroup(t *testing.T) {
	for name, want := range map[string]string{
		"model.layers.3.self_attn.q_proj":              "model.layers.3.self_attn.qkv_proj",
		"model.layers.3.self_attn.v_proj.weight":       "model.layers.3.self_attn.qkv_proj",
		"model.layers.3.mlp.up_proj.weight_packed":     "model.layers.3.mlp.gate_up_proj",
		"model.layers.3.mlp.experts.7.gate_proj":       "model.layers.3.mlp.experts.7.gate_up_proj",
		"model.layers.3.block_sparse_moe.experts.7.w3": "model.layers.3.block_sparse_moe.experts.7.w13",
		"model.layers.3.self_attn.kv_a_proj_with_mqa":  "model.layers.3.self_attn.fused_qkv_a_proj",
		"k_proj":                                 "qkv_proj",
		"model.layers.3.mlp.down_proj":           "",
		"model.layers.3.self_attn.o_proj.weight": "",
		"model.layers.3.experts.7.w2":            "",
		"":                                       "",
	} {
		got, ok := nvfp4.FusedGroup(name)
		assert.Equal(t, want, got, name)
		assert.Equal(t, want != "", ok, name)
	}
}

func TestCheckFused(t *testing.T) {
	names := []string{"l.0.q_proj", "l.0.k_proj", "l.0.v_proj", "l.0.o_proj", "l.1.q_proj", "l.0.gate_proj", "l.0.up_proj"}
	tensors := make([]*nvfp4.Tensor, len(names))
	for i := range tensors {
		tensors[i] = nvfp4.New(1, 16, nvfp4.Default)
		tensors[i].TensorScale = 0.5
	}
	tensors[3].TensorScale, tensors[4].TensorScale = 1, 2 // of no group, and alone in theirs
	require.NoError(t, nvfp4.CheckFused(names, tensors))
	require.NoError(t, nvfp4.CheckFused(nil, nil))

	tensors[2].TensorScale = 0.25
	tensors[6].Recipe = nvfp4.ModelOpt
	err := nvfp4.CheckFused(names, tensors)
	require.True(t, errors.Is(err, nvfp4.ErrUnequalScales))
	assert.EqualError(t, err, "nvfp4: parts of a fused group have unequal tensor scales: l.0.q_proj has 0.5 (default), l.0.v_proj has 0.25 (default)\n"+
		"nvfp4: parts of a fused group have unequal tensor scales: l.0.gate_proj has 0.5 (default), l.0.up_proj has 0.5 (modelopt)")

	rows := []*nvfp4.Tensor{nvfp4.New(1, 16, nvfp4.FlashInferTEPerToken), nvfp4.New(1, 16, nvfp4.FlashInferTEPerToken)}
	rows[0].TensorScales[0] = 5
	assert.NoError(t, nvfp4.CheckFused(names[:2], rows))
}
