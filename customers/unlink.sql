-- Take one tax or section off every customer that carries it, and record it on each of them.
WITH
carrier AS MATERIALIZED (
    SELECT customer.id
    FROM customers_customer customer
    JOIN {table} link ON link.customer_id = customer.id
    WHERE link.organization_id = %(organization)s::uuid AND link.{column} = %(target)s::uuid
    ORDER BY customer.id
    FOR NO KEY UPDATE OF customer
),
code_list AS MATERIALIZED (
    SELECT carrier.id,
        jsonb_agg(target.code ORDER BY target.code) AS old,
        jsonb_agg(target.code ORDER BY target.code) FILTER (WHERE target.id <> %(target)s::uuid) AS new
    FROM carrier
    JOIN {table} link ON link.customer_id = carrier.id
    JOIN {target} target ON target.id = link.{column}
    GROUP BY carrier.id
),
unlinked AS (
    DELETE FROM {table} link USING carrier
    WHERE link.customer_id = carrier.id AND link.{column} = %(target)s::uuid
),
touched AS (
    UPDATE customers_customer customer
    SET version = customer.version + 1, updated_at = greatest(now(), customer.updated_at)
    FROM carrier WHERE customer.id = carrier.id
)
INSERT INTO billing_changerecord
    (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, batch_id, changes, at)
SELECT %(organization)s::uuid, 'customer', code_list.id, 'updated',
    %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text, %(batch)s::uuid,
    jsonb_build_object('{path}', jsonb_build_array(code_list.old, coalesce(code_list.new, '[]'))), now()
FROM code_list
