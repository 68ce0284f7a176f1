"""The collections behind one server: opening, batching, indexing, answering."""
