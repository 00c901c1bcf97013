-- What the start of a claimed run r sets, from its values v and its transition t.
ready = 0, token = v.token, worker = v.worker, attempt = r.attempt + 1, started_at = v.started_at,
  pause_requested = 0, unique_key = CASE WHEN r.until_start = 1 THEN NULL ELSE r.unique_key END,
  progress_current = NULL, progress_total = NULL, progress_message = NULL, status = t.next
