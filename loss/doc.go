// Package loss computes policy losses of reinforcement learning as per-token
// coefficients: the derivative of the loss by the current policy's
// log-probability of each token, analytically, so that a trainer in any language
// needs to back-propagate only Σ coefficient·logp.
//
//	config, err := loss.Parse("ppo:0.2..0.28, dual:3, agg:token-mean, kl:k3:0.001")
//	e, err := loss.New(config)
//	stats, err := e.Coefficients(dst, &batch, nil)
//
// What the text may say is at Parse. The losses, with r = π_θ/anchor, A the
// advantage, cur = log π_θ and sg(…) constant for differentiation:
//
//	loss        ℓ of a token                                  file          source
//	PPO         max(−A·r, −A·clip(r)), dual clip              ppo.go        verl, NeMo-RL, OpenRLHF, TRL
//	GSPO        PPO of the row's geometric-mean ratio         gspo.go       verl, NeMo-RL, arXiv 2507.18071
//	CISPO       −sg(clip(r))·A·cur                            cispo.go      verl, NeMo-RL, arXiv 2506.13585
//	DPPO        −A·sg(min(r,C))·cur or −A·r, masked by TV, KL dppo.go       verl, SkyRL, arXiv 2602.04879
//	SAPO        −A·(4/τ)·σ(τ(r−1))                            sapo.go       verl, arXiv 2511.20347
//	GMPO        −Ā·e^mean(clipped log r)                      gmpo.go       verl, arXiv 2507.20673
//	Reinforce   −sg(f(r))·A·cur, f: 1, min(r,C), IcePop       reinforce.go  verl, ROLL, SkyRL
//	GPG         −A·cur                                        gpg.go        verl, arXiv 2504.02546
//	Importance  −A·r                                          importance.go SkyRL, arXiv 2512.01374
//	DRO         −A·cur + (β/2)(cur − old)²                    dro.go        verl, arXiv 2405.19107
//	Kimi        −A·cur + (τ/2)(cur − old)²                    kimi.go       ROLL, arXiv 2501.12599
//	TOPR        −A·cur or −sg(clip(r,0,1))·A·cur by reward    topr.go       ROLL, arXiv 2503.14286
//	VESPO       −sg(φ(W))·A·cur, W the row's whole weight     vespo.go      TRL, arXiv 2602.10693
//	M2PO        −A·r, masked by the second moment             m2po.go       AReaL, arXiv 2510.01161
//	PrimeRL     −A·r, masked by TV, + κ·log²r                 primerl.go    prime-rl
//	IPO         −A·r, masked by |Δp|, + κ·log²r               ipo.go        prime-rl
//
// GRPO, Dr.GRPO, DAPO and REINFORCE++ are PPO with an aggregation (Aggregation), a
// reference term (ReferenceKL) and advantages (Advantages, Whitening).
//
// Sources are verl at 1dda039, NeMo-RL at 7ea279a, TRL at f2cd577, OpenRLHF at
// 3c3be62, SkyRL at a956457, ROLL at 8eb27cc, AReaL at 4aef98d, slime at 624b824
// and prime-rl at 559b447. Losses, gradients and metrics agree with what verl,
// NeMo-RL, OpenRLHF and prime-rl compute, VESPO's φ with TRL's and M2PO's mask
// with AReaL's; TOPR, Kimi, Importance and the forms of SkyRL follow the formula
// in their source, the coefficients checked against central differences.
//
// # Two drifts, and counting each once
//
// Between the policy that sampled, μ, and the one that learns, π_θ, lie the
// mismatch of the engines, π_old/μ, and the updates, π_θ/π_old. In mode Decoupled
// the loss clips the second and Batch.Weight, from package correction, handles
// the first. In mode Bypass the loss's ratio is π_θ/μ, both at once; a weight
// beside it would count the mismatch twice and is an error.
//
// A token that correction rejects can leave the mask, and with it the
// denominators, or have its weight set to 0, and stay in them. Counts says how
// denominators are shared between micro-batches and ranks.
//
// # Bad input
//
// Configurations and batches are checked and give errors. Tokens with input that
// is not finite are dropped and counted, or refused (NonFinite). Exponents are
// bounded (Config.Bound): all coefficients and statistics are finite. A batch with
// nothing left has loss 0, where peers have 0/0.
//
// Everything inside a row is float64 in one fixed order, sums over rows are exact:
// a batch gives the same bits on every machine, however its rows are spread.
package loss
