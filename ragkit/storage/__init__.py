"""Storage of a collection: the SQLite database, which is the source of truth, and the index files
built from it."""
