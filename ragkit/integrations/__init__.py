"""Retrievers for other frameworks: one small class each, imported only where it is installed."""
