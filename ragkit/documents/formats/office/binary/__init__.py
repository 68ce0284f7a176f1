"""Readers of the binary formats of Office 97 to 2003, and of xlsb."""
