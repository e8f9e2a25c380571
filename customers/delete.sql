-- Mark the rows of `chosen` as deleted, record it, and count them off.
-- Everything that hangs on a customer stays with it.
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
deleted AS (
    UPDATE customers_customer customer SET
        deleted_at = now(),
        updated_at = greatest(now(), customer.updated_at),
        version = customer.version + 1
    FROM victim
    WHERE customer.id = victim.id AND customer.deleted_at IS NULL AND (SELECT yes FROM allowed)
    RETURNING customer.id
),
recorded AS (
    INSERT INTO billing_changerecord
        (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, changes, at)
    SELECT %(organization)s::uuid, 'customer', deleted.id, 'deleted',
        %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text, '{{}}', now()
    FROM deleted
    RETURNING object_id
),
-- Last of all, because its row stays locked until the commit.
counted AS (
    UPDATE customers_customercounter counter SET kept = counter.kept - recorded.count
    FROM (SELECT count(*) AS count FROM recorded) recorded
    WHERE counter.organization_id = %(organization)s::uuid AND recorded.count > 0
    RETURNING kept
)
SELECT victim.external_id, victim.id, victim.tag, victim.is_as_wanted, {json} AS json
FROM victim
{form}
