"""Folder to database, incrementally: scan → plan → apply.

`plan` compares what lies on the disk with the ledger and decides, by one `stat` a file, what needs
work. `apply` does it: one thread reads and cuts, one embeds, the caller's thread is the only one
that writes. Text is committed first (found by words at once), vectors follow in steps, the index
file comes last; every prefix of that is searchable, and the next run goes on from it.
"""
