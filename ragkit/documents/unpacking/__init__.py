"""Compressed files and zip packages, and the limits on what they may unpack to."""
