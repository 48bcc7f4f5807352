package verl

import "fmt"

// presets are verl's RolloutCorrectionConfig constructors. In a bypass preset
// the trainer's column is the policy being optimized and no proximal
// log-probabilities are computed; the correction itself is the same.
var presets = []struct {
	name   string
	config Config
}{
	{"decoupled_token_is", Config{RolloutIS: "token", RolloutISThreshold: "2.0"}},
	{"decoupled_seq_is", Config{RolloutIS: "sequence", RolloutISThreshold: "2.0"}},
	{"decoupled_token_icepop", Config{RolloutIS: "token", RolloutISThreshold: "0.5_5.0"}},
	{"decoupled_seq_is_rs", Config{RolloutIS: "sequence", RolloutISThreshold: "2.0", RolloutRS: "seq_sum_k1", RolloutRSThreshold: "0.5_2.0"}},
	{"decoupled_geo_rs", Config{RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"decoupled_geo_rs_seq_tis", Config{RolloutIS: "sequence", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"decoupled_geo_rs_token_tis", Config{RolloutIS: "token", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"decoupled_k3_rs", Config{RolloutRS: "seq_mean_k3", RolloutRSThreshold: "0.01"}},
	{"decoupled_k3_rs_seq_tis", Config{RolloutIS: "sequence", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k3", RolloutRSThreshold: "0.01"}},
	{"decoupled_k3_rs_token_tis", Config{RolloutIS: "token", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k3", RolloutRSThreshold: "0.01"}},
	{"bypass_ppo_clip", Config{}},
	{"bypass_ppo_clip_geo_rs", Config{RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"bypass_ppo_clip_k3_rs", Config{RolloutRS: "seq_mean_k3", RolloutRSThreshold: "0.01"}},
	{"bypass_pg_is", Config{RolloutIS: "sequence", RolloutISThreshold: "2.0"}},
	{"bypass_pg_token_icepop", Config{RolloutIS: "token", RolloutISThreshold: "0.5_5.0"}},
	{"bypass_pg_geo_rs", Config{RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"bypass_pg_geo_rs_seq_tis", Config{RolloutIS: "sequence", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"bypass_pg_geo_rs_token_tis", Config{RolloutIS: "token", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.999_1.001"}},
	{"disabled", Config{}},
}

// Preset returns the configuration of one of verl's named constructors.
func Preset(name string) (Config, error) {
	for _, p := range presets {
		if p.name == name {
			return p.config, nil
		}
	}
	return Config{}, fmt.Errorf("%w: no preset %q", ErrConfig, name)
}

// Presets returns the names that Preset knows.
func Presets() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}
