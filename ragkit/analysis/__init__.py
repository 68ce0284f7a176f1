"""Text → index terms, per language; query syntax; spelling. Knows no files, no vectors."""

# Raise it when the same text yields other terms: lexical indexes are then rebuilt.
ANALYSIS_VERSION = 8
