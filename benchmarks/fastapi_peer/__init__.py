"""The same job in FastAPI and asyncpg, as a careful user of both would write it."""
