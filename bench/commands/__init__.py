"""Whole commands: start, cold query, indexing, memory."""
