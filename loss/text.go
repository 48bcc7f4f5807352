package loss

import (
	"fmt"
	"strconv"
	"strings"
)

// shorthands are names for several terms.
var shorthands = map[string]string{
	"grpo":   "ppo:0.2, agg:seq-mean-token-mean, kl:k3:0.04",
	"dapo":   "ppo:0.2..0.28, agg:token-mean",
	"minirl": "importance, bypass",
}

var (
	modeNames        = [...]string{Decoupled: "decoupled", Bypass: "bypass", OnPolicy: "on-policy"}
	nonFiniteNames   = [...]string{Drop: "drop", ZeroWeight: "zero", Refuse: "error"}
	aggregationNames = [...]string{TokenMean: "token-mean", TokenSum: "token-sum", SeqMeanTokenSum: "seq-mean-token-sum",
		SeqMeanTokenMean: "seq-mean-token-mean", SeqMeanTokenSumNorm: "seq-mean-token-sum-norm", GroupMean: "group-mean", Constant: "constant"}
	estimatorNames = [...]string{K1: "k1", Abs: "abs", K2: "k2", K3: "k3", LowVar: "low-var"}
	klWeightNames  = [...]string{PlainKL: "plain", ScoreFunction: "score", ProximalRatio: "proximal", RolloutRatio: "rollout"}
	formNames      = [...]string{TokenForm: "token", SequenceForm: "sequence", RatioForm: "ratio"}
)

// Parse reads a configuration from its text form, for instance
// "ppo:0.2..0.28, dual:3, agg:token-mean". Errors wrap ErrConfig and quote the
// term.
//
// The text is a list of terms, the policy loss and its parameters first:
//
//	ppo[:LOW..HIGH]                 dual:C
//	gspo[:LOW..HIGH]                dual:C  form:{token|sequence}
//	cispo[:LOW..HIGH]
//	dppo-tv[:LOW..HIGH]             cap:C   form:{token|ratio}
//	dppo-kl[:LOW..HIGH]             cap:C   form:{token|ratio}
//	sapo[:POSITIVE..NEGATIVE]
//	gmpo[:LOW..HIGH]
//	reinforce                       tis:HI | icepop:LO..HI
//	gpg
//	importance
//	dro:BETA
//	kimi[:TAU]
//	topr[:POSITIVE..NEGATIVE]
//	vespo                           k:POSITIVE..NEGATIVE  lambda:POSITIVE..NEGATIVE
//	m2po[:TAU]
//	prime-rl[:LOW..HIGH]            kappa:K
//	ipo[:THRESHOLD]                 kappa:K
//
// and, for all of them,
//
//	{bypass|on-policy}              decoupled if neither is there
//	agg:{token-mean|token-sum|seq-mean-token-sum|seq-mean-token-mean|group-mean}
//	agg:{seq-mean-token-sum-norm|constant}:S
//	kl:{k1|abs|k2|k3|low-var}[+]:BETA    + is straight-through
//	kl-weight:{score|proximal|rollout}
//	bound:B
//	nonfinite:{drop|zero|error}
//
// LOW..HIGH are distances from 1 (from 0 for dppo, prime-rl and ipo, whose
// bounds are on probabilities, and gmpo, whose are on the log-ratio); one number
// stands for both. Three names stand for several terms, which others may follow:
//
//	grpo    ppo:0.2, agg:seq-mean-token-mean, kl:k3:0.04    (arXiv 2402.03300)
//	dapo    ppo:0.2..0.28, agg:token-mean                   (arXiv 2503.14476)
//	minirl  importance, bypass                              (arXiv 2512.01374)
//
// White space around terms is ignored; of terms of one name the last counts.
func Parse(s string) (Config, error) {
	name, rest, _ := strings.Cut(s, ",")
	if long, ok := shorthands[strings.TrimSpace(name)]; ok {
		s = long
		if strings.TrimSpace(rest) != "" {
			s += "," + rest
		}
	}
	terms, err := splitTerms(s)
	if err != nil {
		return Config{}, err
	}
	var c Config
	if c.Policy, err = terms.policy(); err != nil {
		return Config{}, err
	}
	for i := range terms {
		if !terms[i].used {
			if err := c.parseTerm(&terms[i]); err != nil {
				return Config{}, err
			}
		}
	}
	return c, c.Check()
}

func (c *Config) parseTerm(t *term) (err error) {
	switch t.name {
	case "agg":
		return c.Aggregate.parse(t)
	case "kl":
		return c.Reference.parse(t)
	case "kl-weight":
		c.Reference.Weight, err = choose[KLWeight](t, klWeightNames[:])
	case "bound":
		if c.Bound, err = t.number(); c.Bound == MaxLogRatio {
			c.Bound = 0 // one value, one text
		}
	case "nonfinite":
		c.NonFinite, err = choose[NonFinite](t, nonFiniteNames[:])
	case modeNames[Decoupled], modeNames[Bypass], modeNames[OnPolicy]:
		if t.value != "" {
			return t.errorf("takes no value")
		}
		t.value = t.name
		c.Mode, err = choose[Mode](t, modeNames[:])
	default:
		return t.errorf("is not known here")
	}
	return err
}

func (a *Aggregation) parse(t *term) (err error) {
	name, scale, scaled := strings.Cut(t.value, ":")
	*a = Aggregation{}
	if a.Mode, err = choose[AggregationMode](&term{name: t.name, value: name}, aggregationNames[:]); err != nil || !scaled {
		return err
	}
	a.Scale, err = (&term{name: t.name, value: scale}).number()
	return err
}

func (k *ReferenceKL) parse(t *term) (err error) {
	name, coef, _ := strings.Cut(t.value, ":")
	name, k.StraightThrough = strings.CutSuffix(name, "+")
	if k.Estimator, err = choose[Estimator](&term{name: t.name, value: name}, estimatorNames[:]); err != nil {
		return err
	}
	k.Coef, err = (&term{name: t.name, value: coef}).number()
	if err == nil && k.Coef == 0 {
		return t.errorf("has no coefficient")
	}
	return err
}

// String returns the configuration's text, which Parse reads back to an equal
// configuration.
func (c Config) String() string {
	policy := "none"
	if c.Policy != nil {
		policy = c.Policy.String()
	}
	terms := []string{policy}
	if c.Mode != Decoupled {
		terms = append(terms, c.Mode.String())
	}
	if c.Aggregate != (Aggregation{}) {
		terms = append(terms, c.Aggregate.String())
	}
	if c.Reference.Coef != 0 {
		terms = append(terms, c.Reference.String())
	}
	if c.Bound != 0 {
		terms = append(terms, "bound:"+format(c.Bound))
	}
	if c.NonFinite != Drop {
		terms = append(terms, "nonfinite:"+c.NonFinite.String())
	}
	return strings.Join(terms, ", ")
}

// MarshalText returns String.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is Parse.
func (c *Config) UnmarshalText(text []byte) (err error) {
	*c, err = Parse(string(text))
	return err
}

// String returns decoupled, bypass or on-policy.
func (m Mode) String() string { return nameOf(modeNames[:], m) }

// String returns drop, zero or error.
func (n NonFinite) String() string { return nameOf(nonFiniteNames[:], n) }

// String returns the aggregation's term.
func (a Aggregation) String() string {
	s := "agg:" + nameOf(aggregationNames[:], a.Mode)
	if a.Scale != 0 {
		s += ":" + format(a.Scale)
	}
	return s
}

// String returns the reference term's terms.
func (k ReferenceKL) String() string {
	s := "kl:" + nameOf(estimatorNames[:], k.Estimator)
	if k.StraightThrough {
		s += "+"
	}
	s += ":" + format(k.Coef)
	if k.Weight != PlainKL {
		s += ", kl-weight:" + nameOf(klWeightNames[:], k.Weight)
	}
	return s
}

func nameOf[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return "?" + strconv.Itoa(int(e))
}

func format(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// formatPair writes lo..hi, or one number where they are the same.
func formatPair(lo, hi float64) string {
	if lo == hi {
		return format(lo)
	}
	return format(lo) + ".." + format(hi)
}

// choose returns the index of a term's value among names.
func choose[E ~uint8](t *term, names []string) (E, error) {
	for i, n := range names {
		if n == t.value {
			return E(i), nil
		}
	}
	return 0, t.errorf("is none of %s", strings.Join(names, ", "))
}

// term is "name:value" or "name".
type term struct {
	name, value string
	used        bool // by the policy loss
}

type terms []term

func splitTerms(s string) (terms, error) {
	var list terms
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), ":")
		if name == "" {
			return nil, fmt.Errorf("%w: an empty term in %q", ErrConfig, s)
		}
		list = append(list, term{name: name, value: value})
	}
	return list, nil
}

func (t *term) errorf(what string, args ...any) error {
	return fmt.Errorf("%w: %q %s", ErrConfig, strings.TrimSuffix(t.name+":"+t.value, ":"), fmt.Sprintf(what, args...))
}

func (t *term) number() (float64, error) {
	x, err := strconv.ParseFloat(t.value, 64)
	if err != nil || x != x {
		return 0, t.errorf("is not a number")
	}
	return x, nil
}

// pair reads "LO..HI" or one number for both.
func (t *term) pair() (lo, hi float64, err error) {
	from, to, isPair := strings.Cut(t.value, "..")
	if !isPair {
		to = from
	}
	if lo, err = (&term{name: t.name, value: from}).number(); err != nil {
		return 0, 0, err
	}
	hi, err = (&term{name: t.name, value: to}).number()
	return lo, hi, err
}
