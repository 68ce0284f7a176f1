"""Search: rank the passages of a collection for a query, and build the hits."""
