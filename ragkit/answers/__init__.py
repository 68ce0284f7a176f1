"""Hits to a cited answer: written by a language model, or extracted from the sources.

`pipeline` joins retrieval and the answer. The other modules know hits and callables; they do not
know the store, encoders or files.
"""
