"""The upkeep of a collection: checks and repair, backups, exports, bug reports."""
