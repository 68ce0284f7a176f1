"""The keyword (BM25) index. Knows passage ids and terms, never vectors and never SQL."""
