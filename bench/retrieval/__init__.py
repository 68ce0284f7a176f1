"""Retrieval: quality and speed, by mode."""
