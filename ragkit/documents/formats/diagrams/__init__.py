"""Readers of drawings and diagrams: the text of their shapes."""
