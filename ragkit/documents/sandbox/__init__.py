"""Parsing untrusted files in a separate, confined process, and the programs that recognise text."""
