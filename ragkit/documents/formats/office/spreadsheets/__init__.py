"""Readers of Excel workbooks (xlsx, xls), and the number formats of their cells."""
