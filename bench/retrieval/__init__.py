"""Retrieval: quality and speed, by search mode."""
