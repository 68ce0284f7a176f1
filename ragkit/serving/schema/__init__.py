"""JSON Schemas of requests and responses, and their validation."""
