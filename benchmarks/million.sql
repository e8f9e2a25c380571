-- Multiplies what the writer made: every customer with all that hangs on it, up to the wanted number.
-- Indexes that guard nothing are made anew at the end; foreign keys hold by construction.
-- :copies
-- Who is copied from whom. The names vary as people's do, and a few letters are rare.
CREATE UNLOGGED TABLE kept_copy AS
SELECT source.id AS old_id, customers_newest_first_id() AS new_id, n
FROM generate_series(%(present)s::int + 1, %(wanted)s::int) n
JOIN customers_customer source ON source.sequential_id = 1 + n %% %(present)s::int
-- :values
-- What a copy has of its own, by column.
id: copy.new_id
external_id: 'bench-' || copy.n
sequential_id: copy.n
slug: 'ACM-1A2B-' || copy.n
name: (ARRAY['Ann','Bruno','Chloé','Dinesh','Erlich','Fatima','Gavin','Hiro','Inès','Jared'])[1 + copy.n % 10] || ' ' || initcap(translate(substr(md5(copy.n::text), 1, 8), '0123456789', 'ghijklmnop'))
legal_name: (ARRAY['Brasserie','Coleman','Hooli','Raviga','Aviato','Endframe','Bachmanity'])[1 + copy.n % 7] || ' ' || copy.n
email: 'billing' || copy.n || '@piedpiper.test'
created_at: now() - copy.n * interval '7 seconds'
updated_at: now() - copy.n * interval '7 seconds'
