-- An event for each of these customers, as it is now, to the endpoints that want to know what its
-- latest change record says. Runs right after the statement that wrote the records, in its
-- transaction (contract: webhooks-and-providers.md 1.1, 1.5, 1.6).
WITH
chosen AS MATERIALIZED (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s::uuid AND {which}
),
{form},
record AS MATERIALIZED (
    SELECT latest.*
    FROM chosen
    CROSS JOIN LATERAL (
        SELECT id, object_id, action, door, changes, at
        FROM billing_changerecord
        WHERE organization_id = %(organization)s::uuid AND object_id = chosen.id
        ORDER BY id DESC
        LIMIT 1
    ) latest
    -- Of this transaction: when somebody was faster, the statement before wrote nothing.
    WHERE latest.at = now()
),
happened AS MATERIALIZED (
    -- Whoever forgot a deleted customer learns of it anew when it is restored.
    SELECT id, object_id,
        'customer.' || CASE action WHEN 'restored' THEN 'created' ELSE action END AS event_type
    FROM record
    WHERE action <> 'updated'
       OR (
           -- What providers bring about has events of its own.
           door <> 'provider'
           -- These are no keys of the payload.
           AND changes - ARRAY['tax_codes', 'invoice_custom_section_codes'] <> '{{}}'
       )
),
listener AS MATERIALIZED (
    SELECT kind.event_type, array_agg(endpoint.id) AS ids
    FROM (SELECT DISTINCT event_type FROM happened) kind
    JOIN billing_webhookendpoint endpoint
        ON endpoint.organization_id = %(organization)s::uuid
        AND CASE
            WHEN endpoint.event_types IS NULL THEN kind.event_type <> 'customer.deleted'
            ELSE kind.event_type = ANY (endpoint.event_types)
        END
    GROUP BY kind.event_type
),
told AS (
    INSERT INTO billing_event
        (organization_id, event_type, object_type, object_id, snapshot, record_id, endpoint_ids)
    SELECT %(organization)s::uuid, happened.event_type, 'customer', form.id, form.json::text, happened.id,
        listener.ids
    FROM happened
    JOIN listener ON listener.event_type = happened.event_type
    JOIN form ON form.id = happened.object_id
    ORDER BY happened.id
    RETURNING 1
)
-- One job at most, however many there are: it only says that there is something to do.
SELECT billing_wake('webhooks', 'billing.deliver_webhooks')
WHERE EXISTS (SELECT FROM told)
