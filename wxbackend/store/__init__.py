"""The database: tables, queries and transactions, on SQLAlchemy Core."""
