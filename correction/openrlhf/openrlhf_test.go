package openrlhf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction/openrlhf"
)

func TestPolicy(t *testing.T) {
	for policy, c := range map[string]openrlhf.Config{
		"none":                      {VLLMISCorrectionType: "unread"},
		"token-clip:0.5..5":         {EnableVLLMISCorrection: true},
		"token-icepop:0.5..5":       {EnableVLLMISCorrection: true, VLLMISCorrectionType: "icepop"},
		"seq-mask-tis:0.999..1.002": {EnableVLLMISCorrection: true, VLLMISCorrectionType: "seq-mask-tis", VLLMISTruncatedThreshold: [2]float64{0.999, 1.002}},
	} {
		p, err := c.Policy()
		require.NoError(t, err, policy)
		assert.Equal(t, policy, p.String())
	}
	for _, c := range []openrlhf.Config{
		{EnableVLLMISCorrection: true, VLLMISCorrectionType: "cut"},
		{EnableVLLMISCorrection: true, VLLMISTruncatedThreshold: [2]float64{2, 1}},
	} {
		_, err := c.Policy()
		assert.ErrorIs(t, err, openrlhf.ErrConfig, "%+v", c)
	}
}
