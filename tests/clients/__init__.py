"""Unmodified clients against ragkit's servers, each in an environment of its own."""
