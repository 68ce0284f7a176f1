"""Fuzzing: thousands of mutated files are read; each gives documents or a reason."""
