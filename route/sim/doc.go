// Package sim simulates a fleet of inference ranks that serve multi-turn rollouts
// through a route.Router, the very code that runs in production, to compare its
// policies.
//
// A fixed number of rollouts runs at a time; when one ends the next begins. Those
// of a group share a prompt. In each turn a rollout sends its whole context,
// receives a fixed number of tokens, waits for its environment and adds what it
// has observed.
//
// A rank computes the part of a context that is not in its cache, one request
// after the other, while decoding stands still. Requests that decode share it
// equally: a step, a token for each of b requests with contexts of Σ tokens, takes
// α + βb + γΣ. The cache holds prefixes, a group's prompt once; what was used least
// recently goes first, from its tail, and nothing that is in use. A request waits
// while there is no room.
//
// A run depends on its Config, seed included, and on nothing else. The n-th rollout
// has the same turns and environment under every policy.
package sim
