"""Models on this machine: the encoder of a collection (`selection`), and descriptions of all
(`cards`)."""
