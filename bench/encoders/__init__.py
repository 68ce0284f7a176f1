"""Encoders: speed, poolings, training."""
