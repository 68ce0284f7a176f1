"""Readers of data files: delimited tables, JSON, XML, notebooks."""
