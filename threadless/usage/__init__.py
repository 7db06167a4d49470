"""The ledger: one row per call, opened before the upstream is called and settled when the call ends."""
