-- Links to integrations (contract: customers.md 2.10): an item is matched by id, else by type;
-- links that no item matches go. A partner's list is checked and then ignored.

-- :find
integration_item AS MATERIALIZED (
    SELECT
        wish.n,
        wish.stored_id,
        wish.customer_id,
        coalesce(wish.sent -> 'fields' ->> 'account_type', wish.account_type, 'customer') = 'partner' AS ignored,
        item.item,
        item.position,
        coalesce(item.item ->> 'integration_type', by_id.type) AS type
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements(wish.sent -> 'integrations') WITH ORDINALITY AS item (item, position)
    LEFT JOIN customers_integrationlink by_id
        ON by_id.customer_id = wish.stored_id AND by_id.id = (item.item ->> 'id')::uuid
),
integration_choice AS MATERIALIZED (
    SELECT item.*, link.id AS link_id, link, chosen.id AS connection_id, chosen.code
    FROM integration_item item
    LEFT JOIN customers_integrationlink link ON link.customer_id = item.stored_id AND link.type = item.type
    LEFT JOIN LATERAL (
        SELECT (array_agg(connection.id))[1] AS id, min(connection.code) AS code
        FROM billing_integration connection
        WHERE connection.organization_id = %(organization)s::uuid
          AND connection.type = item.type
          AND CASE
              WHEN item.item ->> 'integration_code' IS NOT NULL
                  THEN connection.code = item.item ->> 'integration_code'
              WHEN link.id IS NOT NULL THEN connection.id = link.connection_id
              ELSE true
          END
        HAVING count(*) = 1
    ) chosen ON true
),
wanted_integration AS MATERIALIZED (
    SELECT
        choice.n,
        coalesce(choice.link_id, customers_ordered_id(choice.position)) AS id,
        choice.customer_id,
        choice.connection_id,
        choice.type,
        choice.code,
        CASE
            WHEN choice.item ->> 'external_customer_id' IS NOT NULL THEN choice.item ->> 'external_customer_id'
            WHEN choice.connection_id = (choice.link).connection_id THEN (choice.link).external_customer_id
        END AS external_customer_id,
        CASE
            WHEN choice.item ->> 'external_customer_id' IS NOT NULL THEN choice.type = 'salesforce'
            ELSE coalesce(
                (choice.item ->> 'sync_with_provider')::boolean, (choice.link).sync_with_provider, false
            )
        END AS sync_with_provider,
        CASE
            WHEN choice.type <> 'netsuite' THEN NULL
            WHEN choice.item ? 'subsidiary_id' THEN choice.item ->> 'subsidiary_id'
            ELSE (choice.link).subsidiary_id
        END AS subsidiary_id,
        CASE
            WHEN choice.type <> 'hubspot' THEN NULL
            WHEN choice.item ? 'targeted_object' THEN choice.item ->> 'targeted_object'
            ELSE (choice.link).targeted_object
        END AS targeted_object,
        coalesce((choice.link).created_at, now()) AS created_at
    FROM integration_choice choice
    WHERE NOT choice.ignored
      AND (
          choice.link_id IS NOT NULL
          OR choice.item ->> 'external_customer_id' IS NOT NULL
          OR (choice.item ->> 'sync_with_provider')::boolean
      )
),
stored_integration AS MATERIALIZED (
    SELECT
        wish.n,
        coalesce(wish.sent -> 'fields' ->> 'account_type', wish.account_type) <> 'partner' AS replaced,
        link.*,
        connection.code
    FROM wish
    JOIN customers_integrationlink link ON link.customer_id = wish.stored_id
    JOIN billing_integration connection ON connection.id = link.connection_id
    WHERE wish.sent -> 'integrations' IS NOT NULL
),
integration_side AS MATERIALIZED (
    SELECT side.n, side.side, jsonb_agg(
        jsonb_build_object(
            'lago_id', side.id, 'integration_type', side.type, 'integration_code', side.code,
            'external_customer_id', side.external_customer_id,
            'sync_with_provider', side.sync_with_provider, 'subsidiary_id', side.subsidiary_id,
            'targeted_object', side.targeted_object
        ) ORDER BY side.created_at, side.id
    ) AS list
    FROM (
        SELECT n, 'old' AS side, id, type, code, external_customer_id, sync_with_provider, subsidiary_id,
            targeted_object, created_at
        FROM stored_integration WHERE replaced
        UNION ALL
        SELECT n, 'new', id, type, code, external_customer_id, sync_with_provider, subsidiary_id,
            targeted_object, created_at
        FROM wanted_integration
    ) side
    GROUP BY side.n, side.side
)

-- :difference
SELECT wish.n, 'integration_customers', coalesce(old.list, '[]'), coalesce(new.list, '[]')
FROM wish
LEFT JOIN integration_side old ON old.n = wish.n AND old.side = 'old'
LEFT JOIN integration_side new ON new.n = wish.n AND new.side = 'new'
WHERE old.list IS DISTINCT FROM new.list

-- :problem
SELECT n, 'invalid', 'integration_type', 'value_is_mandatory' FROM integration_choice WHERE type IS NULL
UNION ALL
SELECT n, 'invalid', 'integration_customers', 'integration_not_found'
FROM integration_choice WHERE type IS NOT NULL AND connection_id IS NULL
UNION ALL
SELECT n, 'invalid', 'integration_customers', 'invalid_count_per_integration_type'
FROM integration_choice
WHERE type IS NOT NULL
GROUP BY n
HAVING count(*) > count(DISTINCT CASE WHEN type = 'avalara' THEN 'anrok' ELSE type END)

-- :put
removed_integration AS (
    DELETE FROM customers_integrationlink link
    USING stored_integration stored, changed
    WHERE link.id = stored.id AND stored.replaced AND changed.n = stored.n
      AND NOT EXISTS (
          SELECT FROM wanted_integration wanted WHERE wanted.n = stored.n AND wanted.id = stored.id
      )
    RETURNING link.id
),
put_integrations AS (
    INSERT INTO customers_integrationlink
        (id, organization_id, customer_id, connection_id, type, external_customer_id, sync_with_provider,
         subsidiary_id, targeted_object, created_at)
    SELECT wanted.id, %(organization)s::uuid, wanted.customer_id, wanted.connection_id, wanted.type,
        wanted.external_customer_id, wanted.sync_with_provider, wanted.subsidiary_id,
        wanted.targeted_object, wanted.created_at
    FROM wanted_integration wanted
    JOIN changed ON changed.n = wanted.n
    LEFT JOIN stored_integration stored ON stored.n = wanted.n AND stored.id = wanted.id
    WHERE (stored.connection_id, stored.external_customer_id, stored.sync_with_provider,
           stored.subsidiary_id, stored.targeted_object)
        IS DISTINCT FROM (wanted.connection_id, wanted.external_customer_id, wanted.sync_with_provider,
           wanted.subsidiary_id, wanted.targeted_object)
    ON CONFLICT (id) DO UPDATE SET
        connection_id = excluded.connection_id, external_customer_id = excluded.external_customer_id,
        sync_with_provider = excluded.sync_with_provider, subsidiary_id = excluded.subsidiary_id,
        targeted_object = excluded.targeted_object
    RETURNING id
)

-- :now
integration_link AS (
    SELECT customer_id, id, connection_id, external_customer_id, sync_with_provider, subsidiary_id,
        targeted_object, created_at
    FROM wanted_integration
    UNION ALL
    SELECT customer_id, id, connection_id, external_customer_id, sync_with_provider, subsidiary_id,
        targeted_object, created_at
    FROM stored_integration WHERE NOT replaced
)
