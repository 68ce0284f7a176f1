"""ragkit: point it at a folder, ask it questions, get cited passages."""

__version__ = "0.1.0"
