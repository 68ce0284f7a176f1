"""Reading and splitting documents."""
