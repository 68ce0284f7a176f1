"""Document to passages: spans that fit an encoder's window, with header, page and locator.

`split.split_document` is the interface. A document becomes sections (`sections`), each section
spans of a bounded number of tokens (`split`, with `boundaries` and `token_offsets`), and each span
a passage with its place in the file (`locators`). `sentences` splits a text into
sentences that can be quoted. Does not know files, vectors or databases.
"""
