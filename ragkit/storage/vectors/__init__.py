"""Vector search: exact and quantized vectors. Knows ids and vectors, never text."""
