"""Reading functions over several shards: how their results are combined, and ids of rows."""
