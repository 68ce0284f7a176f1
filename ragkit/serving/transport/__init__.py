"""Access control, request bodies, rate limits, timeouts, responses, metrics."""
