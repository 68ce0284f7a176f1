"""Where a collection is kept: SQLite, the only truth, and the index files made from it."""
