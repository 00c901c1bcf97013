-- What the run r saved of itself.
(SELECT body FROM state s WHERE s.run = r.key),
