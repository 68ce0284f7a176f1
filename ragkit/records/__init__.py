"""Frozen dataclasses without behaviour, shared by all layers above."""
