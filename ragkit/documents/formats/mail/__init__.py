"""Readers of e-mail messages and mailboxes."""
