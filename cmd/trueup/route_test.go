package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/route"
	"github.com/trueup-rl/trueup/route/sim"
)

func runRoute(t *testing.T, args ...string) (string, error) {
	c := routeCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceUsage = true
	c.SetArgs(append([]string{"simulate", "--ranks", "2", "--live", "8", "--warmup", "8", "--rollouts", "20", "--seeds", "2"}, args...))
	err := c.Execute()
	return out.String(), err
}

func TestRouteSimulate(t *testing.T) {
	text, err := runRoute(t, "--kv-tokens", "500000,300000")
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(text, "KV cache of"))
	for _, p := range route.Policies() {
		assert.Equal(t, 2, strings.Count(text, " "+p.String()+"\n"), p)
	}
	again, err := runRoute(t, "--kv-tokens", "500000,300000")
	require.NoError(t, err)
	assert.Equal(t, text, again)
}

func TestRouteSimulateJSON(t *testing.T) {
	text, err := runRoute(t, "--json", "--kv-tokens", "500000", "--policy", "kv-lease", "--policy", "random")
	require.NoError(t, err)
	var results []sim.Result
	require.NoError(t, json.Unmarshal([]byte(text), &results))
	require.Len(t, results, 2)
	assert.Equal(t, route.KVLease, results[0].Policy)
	assert.Equal(t, route.Random, results[1].Policy)
	assert.Greater(t, results[0].HitRate, results[1].HitRate)
}

func TestRouteSimulateErrors(t *testing.T) {
	_, err := runRoute(t, "--policy", "x")
	assert.ErrorIs(t, err, route.ErrConfig)
	_, err = runRoute(t, "--kv-tokens", "0")
	assert.ErrorIs(t, err, sim.ErrConfig)
	_, err = runRoute(t, "--admit", "2")
	assert.ErrorIs(t, err, route.ErrConfig)
	_, err = runRoute(t, "stray")
	assert.Error(t, err)
}
