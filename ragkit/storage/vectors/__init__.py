"""The vector index. Knows ids and vectors, never text."""
