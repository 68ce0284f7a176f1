"""Pairs of texts: how alike they are, and what can be learnt from them."""
