"""The database: schema, migrations, and all SQL. Does not know FAISS."""
