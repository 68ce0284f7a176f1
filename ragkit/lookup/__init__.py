"""Look through the extracted text that SQLite keeps: grep, glob, ls, read, related passages."""
