"""`ragkit serve` under load and with invalid requests."""
