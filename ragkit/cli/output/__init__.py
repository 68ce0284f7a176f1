"""How results are printed: text, JSON, progress bars. Knows records, calls no collection."""
