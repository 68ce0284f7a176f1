"""A collection on many machines, by Ray. The only folder that imports Ray."""
