"""Folders into a collection, incrementally: scan → plan → read and embed → write.

`plan` compares the files on the disk with the stored ones and decides, with one `stat` per file,
what to read. `reading` reads and splits on one thread, `embedding` embeds on others, and `writer`
writes on the caller's thread. Text is committed first (found by lexical search at once), vectors
follow in batches, index files come last: every prefix is searchable, and the next run resumes.
"""
