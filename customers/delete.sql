-- Delete the rows of `chosen`; `kept.sql` is the rest of it.
victim AS MATERIALIZED (
    SELECT id, external_id, customers_tag(id, version) AS tag,
        coalesce(%(if_match)s::text[] && ARRAY['*', customers_tag(id, version)], true) AS is_as_wanted
    FROM chosen
),
-- The whole batch or nothing of it.
allowed AS MATERIALIZED (
    SELECT count(*) = cardinality(%(external_ids)s::text[]) AND coalesce(bool_and(is_as_wanted), true) AS yes
    FROM victim
),
{kept}
SELECT victim.external_id, victim.id, victim.tag, victim.is_as_wanted, {json} AS json
FROM victim
{form}
