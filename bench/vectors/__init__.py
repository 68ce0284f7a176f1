"""Vector indexes: speed, recall, size, beside other libraries."""
