"""The durable log of events and what is kept beside it, over SQLite or PostgreSQL."""
