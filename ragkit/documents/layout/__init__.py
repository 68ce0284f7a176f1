"""Parts of extracted text: blocks, tables, titles, the lines of a page."""
