"""Collections for other programs: servers that parse, call the collection and answer."""
