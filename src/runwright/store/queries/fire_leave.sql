-- Some due times leave their span, because they have rows of their own now. Its ends stay: nobody knows the next ones.
UPDATE fire SET count = count - $2 WHERE id = $1 AND count > $2
