"""HTTP to addresses that the user named: JSON requests, event streams, proxies."""
