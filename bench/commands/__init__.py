"""Whole commands: start-up, cold query, indexing, memory."""
