"""How the database came to its present form: Alembic's scripts, applied at start."""
