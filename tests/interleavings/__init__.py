"""Three real connections to PostgreSQL, and every order of their statements: see docs/design/postgres.md."""
