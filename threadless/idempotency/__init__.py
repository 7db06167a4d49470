"""Optional app: the header `Idempotency-Key`, so that a client which retries a call does not pay for it twice."""
