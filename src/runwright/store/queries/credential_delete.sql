-- A credential is gone.
DELETE FROM credential WHERE digest = $1 RETURNING kind, digest, name, role, created_at, expires_at;
