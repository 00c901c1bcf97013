-- A credential that is still valid.
SELECT kind, digest, name, role, created_at, expires_at FROM credential
WHERE digest = $1 AND (expires_at IS NULL OR expires_at > $2);
