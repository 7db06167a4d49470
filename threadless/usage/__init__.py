"""The ledger: one row a call, opened before the upstream is asked, settled whatever happens."""
