"""Sharded collections: a manifest and N shards, each of them an ordinary collection."""
