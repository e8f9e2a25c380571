-- Links to integrations (contract: customers.md 2.10).

-- :stored
'connections', (
    SELECT json_object_agg(link.id, link.connection_id)
    FROM customers_integrationlink link
    WHERE link.customer_id = form.id
)

-- :named
'integrations', (
    SELECT json_agg(json_build_array(connection.type, connection.code, connection.id))
    FROM billing_integration connection
    WHERE connection.organization_id = {organization}
      AND (
          connection.type = ANY (string_to_array(%(integration_types)s::text, E'\x1f'))
          OR connection.code = ANY (string_to_array(%(integration_codes)s::text, E'\x1f'))
      )
)

-- :remove
removed_integration AS (
    DELETE FROM customers_integrationlink link
    USING json_to_recordset(%(remove_integrations)s::json) AS item (n int, ids uuid[]), target
    WHERE target.n = item.n AND link.customer_id = target.id AND link.id = ANY (item.ids)
)

-- :put
put_integrations AS (
    INSERT INTO customers_integrationlink
        (id, organization_id, customer_id, connection_id, type, external_customer_id, sync_with_provider,
         subsidiary_id, targeted_object, created_at)
    SELECT item.lago_id, %(organization)s::uuid, target.id, item.connection, item.integration_type,
        item.external_customer_id, item.sync_with_provider, item.subsidiary_id, item.targeted_object, now()
    FROM json_to_recordset(%(put_integrations)s::json) AS item (
        n int, lago_id uuid, connection uuid, integration_type text, external_customer_id text,
        sync_with_provider boolean, subsidiary_id text, targeted_object text
    )
    JOIN target ON target.n = item.n
    {again}
)

-- :again
ON CONFLICT (id) DO UPDATE SET
    connection_id = excluded.connection_id, external_customer_id = excluded.external_customer_id,
    sync_with_provider = excluded.sync_with_provider, subsidiary_id = excluded.subsidiary_id,
    targeted_object = excluded.targeted_object
