"""Compressed files and archives, and the limits on what they may expand to."""
