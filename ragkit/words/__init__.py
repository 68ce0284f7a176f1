"""Text → the terms that a word index holds. Knows no files, no database and no vectors."""
