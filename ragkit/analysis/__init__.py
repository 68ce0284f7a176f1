"""Text → the terms that a word index holds. Knows no files, no database and no vectors."""

VERSION = 2  # raise it when the same text gives other terms: word indexes are made again
