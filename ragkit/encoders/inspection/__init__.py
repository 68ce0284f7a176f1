"""Hidden states, attention maps, and the vectors of single words."""
