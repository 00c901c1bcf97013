-- A credential; one with the same digest is replaced.
INSERT INTO credential (kind, digest, name, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (digest) DO UPDATE SET kind = excluded.kind, name = excluded.name, role = excluded.role,
  created_at = excluded.created_at, expires_at = excluded.expires_at;
