"""The rules of the chain: `apply`, pure and deterministic."""
