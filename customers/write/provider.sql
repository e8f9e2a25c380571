-- The link to a payment provider (contract: customers.md 2.7).

-- :stored
'connection', form.connection_id

-- :named
'providers', (
    SELECT json_agg(json_build_array(connection.type, connection.code, connection.id))
    FROM billing_paymentprovider connection
    WHERE connection.organization_id = {organization}
      AND (
          connection.type = ANY (string_to_array(%(provider_types)s::text, E'\x1f'))
          OR connection.code = ANY (string_to_array(%(provider_codes)s::text, E'\x1f'))
      )
)

-- :remove
removed_provider AS (
    DELETE FROM customers_providerlink link
    USING json_to_recordset(%(remove_provider)s::json) AS item (n int), target
    WHERE target.n = item.n AND link.customer_id = target.id
)

-- :put
put_provider AS (
    INSERT INTO customers_providerlink
        (organization_id, customer_id, connection_id, provider_customer_id, sync, sync_with_provider,
         provider_payment_methods)
    SELECT %(organization)s::uuid, target.id, item.connection, item.provider_customer_id, item.sync,
        item.sync_with_provider, item.provider_payment_methods
    FROM json_to_recordset(%(put_provider)s::json) AS item (
        n int, connection uuid, provider_customer_id text, sync boolean, sync_with_provider boolean,
        provider_payment_methods varchar[]
    )
    JOIN target ON target.n = item.n
    {again}
)

-- :again
ON CONFLICT (customer_id) DO UPDATE SET
    connection_id = excluded.connection_id, provider_customer_id = excluded.provider_customer_id,
    sync = excluded.sync, sync_with_provider = excluded.sync_with_provider,
    provider_payment_methods = excluded.provider_payment_methods
