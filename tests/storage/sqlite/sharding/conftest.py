"""The small sharded collection of the tests of storage/shards."""

from tests.storage.shards.conftest import published

__all__ = ["published"]
