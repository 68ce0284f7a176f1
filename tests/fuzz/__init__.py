"""Broken files by the thousand: what reading makes of mutations of real ones."""
