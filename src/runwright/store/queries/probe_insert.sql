-- Can the store be written now?
INSERT INTO probe (at) VALUES ($1);
