-- 3. What differs, by the path of the wire: old and new.
difference AS MATERIALIZED (
    SELECT wish.n, part.prefix || field.key AS path, wish.stored -> field.key AS old, field.value AS new
    FROM wish
    CROSS JOIN LATERAL (
        VALUES ('', wish.sent -> 'fields'), ('billing_configuration.', wish.sent -> 'configuration')
    ) AS part (prefix, sent)
    CROSS JOIN LATERAL jsonb_each(part.sent) AS field
    WHERE coalesce(wish.stored -> field.key, 'null') <> field.value
    UNION ALL
    SELECT wish.n, 'billing_entity_code', to_jsonb(stored_entity.code), to_jsonb(wish.entity_code)
    FROM wish
    LEFT JOIN billing_billingentity stored_entity ON stored_entity.id = wish.stored_entity_id
    WHERE wish.stored_entity_id IS DISTINCT FROM wish.entity_id
    {differences}
),
record AS MATERIALIZED (
    SELECT n, jsonb_object_agg(path, jsonb_build_array(old, new)) AS changes
    FROM difference
    GROUP BY n
),

-- 4. What forbids it. One problem anywhere, and nothing of the batch is written.
problem (n, kind, key, code) AS MATERIALIZED (
    SELECT 1, 'unlocked', NULL, NULL
    FROM wish
    HAVING count(DISTINCT stored_id) <> current_setting('tarn.locked_customers')::int
    UNION ALL
    SELECT n, 'refused', NULL, NULL FROM wish WHERE sent ? 'refused'
    UNION ALL
    SELECT n, 'not_found', 'billing_entity', NULL FROM wish WHERE entity_id IS NULL
    UNION ALL
    SELECT n, 'stale', NULL, customers_tag(stored_id, version)
    FROM wish
    WHERE (sent ? 'create_only' AND stored_id IS NOT NULL)
       OR (
           sent ? 'if_match'
           AND (stored_id IS NULL OR NOT sent -> 'if_match' ?| ARRAY['*', customers_tag(stored_id, version)])
       )
    {problems}
),
changed AS MATERIALIZED (
    SELECT wish.n, wish.stored_id, wish.customer_id, wish.stored_id IS NULL AS is_new,
        wish.stored, wish.sent, wish.entity_id, record.changes,
        count(*) FILTER (WHERE wish.stored_id IS NULL) OVER (ORDER BY wish.n) AS place
    FROM wish
    JOIN record ON record.n = wish.n
    WHERE NOT EXISTS (SELECT FROM problem)
)
