-- Mark the rows of `victim` as deleted or as kept again, if that is allowed: counted, marked,
-- recorded. Everything that hangs on a customer stays with it.
-- The counter comes after the locks of the customers and before their external ids enter or leave
-- the unique index, as in the writer: who waits for an id holds the counter already.
counted AS MATERIALIZED (
    UPDATE customers_customercounter counter SET kept = counter.kept {sign} moved.count
    FROM (SELECT count(*) FROM victim WHERE (SELECT yes FROM allowed)) moved
    WHERE counter.organization_id = %(organization)s::uuid AND moved.count > 0
    RETURNING kept
),
marked AS (
    UPDATE customers_customer customer SET
        deleted_at = {deleted_at},
        updated_at = greatest(now(), customer.updated_at),
        version = customer.version + 1
    FROM victim
    WHERE customer.id = victim.id AND customer.deleted_at {before} AND (SELECT yes FROM allowed)
      AND (SELECT count(*) FROM counted) >= 0
    RETURNING customer.id
),
recorded AS (
    INSERT INTO billing_changerecord
        (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, batch_id, changes, at)
    SELECT %(organization)s::uuid, 'customer', marked.id, '{action}',
        %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text, %(batch)s::uuid, '{{}}', now()
    FROM marked
    RETURNING object_id
)
