"""The SQLite database: schema, migrations, and all SQL of ragkit. Does not know FAISS."""
