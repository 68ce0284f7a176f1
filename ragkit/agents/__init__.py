"""`ragkit install-agent`: makes coding agents use a collection, through MCP and a skill."""
