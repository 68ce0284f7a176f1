"""Retrieval quality on labelled sets. Takes a search function; does not know `Collection`."""
