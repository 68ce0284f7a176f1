"""Readers of web pages and e-books: HTML, MHTML, EPUB."""
