"""Files → documents: readers of all formats, type detection, containers, OCR and the sandbox.

Start with `read` (one file → documents) and `registry` (one row per format).
"""
