"""Rate limiting: configured limits, the limiter state machine and the per-step context. No I/O."""
