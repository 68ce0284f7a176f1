"""A collection as a whole: near-duplicates, topics, a map."""
