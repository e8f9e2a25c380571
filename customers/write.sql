-- Second statement of a write: find, compare, write and record a batch of wishes.
-- Steps: 1 wishes and what is stored, 2 to 7 what is wanted, 8 what differs, 9 what forbids it,
-- 10 the writing, 11 the rows as they are now, under the names the JSON form reads.
WITH
-- 1. The wishes, one row each, beside the customer they name.
wish AS MATERIALIZED (
    SELECT
        item.n::int AS n,
        item.sent,
        item.sent ->> 'external_id' AS external_id,
        customer.id AS stored_id,
        coalesce(customer.id, customers_newest_first_id()) AS customer_id,
        customer AS stored,
        to_jsonb(customer) AS stored_json,
        entity.id AS entity_id,
        entity.code AS entity_code,
        stored_entity.code AS stored_entity_code
    FROM jsonb_array_elements(%(changes)s::jsonb) WITH ORDINALITY AS item (sent, n)
    LEFT JOIN customers_customer customer
        ON customer.organization_id = %(organization)s::uuid
        AND customer.external_id = item.sent ->> 'external_id'
        AND customer.deleted_at IS NULL
    LEFT JOIN billing_billingentity stored_entity ON stored_entity.id = customer.billing_entity_id
    LEFT JOIN billing_billingentity entity
        ON entity.organization_id = %(organization)s::uuid
        AND CASE
            WHEN item.sent ? 'entity'
                THEN entity.code = item.sent ->> 'entity' AND entity.archived_at IS NULL
            WHEN customer.id IS NULL THEN entity.is_default
            ELSE entity.id = customer.billing_entity_id
        END
),

-- 2. Goods go to: the stored parts, with those that were sent over them.
stored_shipping AS MATERIALIZED (
    SELECT wish.n, wish.customer_id, wish.sent -> 'shipping' AS sent, shipping, to_jsonb(shipping) AS stored_json
    FROM wish
    LEFT JOIN customers_shippingaddress shipping ON shipping.customer_id = wish.stored_id
    WHERE wish.sent ? 'shipping' OR %(with_json)s::boolean
),

-- 3. The payment provider (contract: customers.md 2.7).
provider_wish AS MATERIALIZED (
    SELECT
        wish.n,
        wish.customer_id,
        wish.sent -> 'provider' AS sent,
        link,
        link.customer_id IS NOT NULL AS was_linked,
        stored_connection.type AS stored_type,
        stored_connection.code AS stored_code,
        CASE
            WHEN wish.sent -> 'provider' ? 'payment_provider'
                THEN wish.sent -> 'provider' ->> 'payment_provider'
            ELSE stored_connection.type
        END AS type
    FROM wish
    LEFT JOIN customers_providerlink link ON link.customer_id = wish.stored_id
    LEFT JOIN billing_paymentprovider stored_connection ON stored_connection.id = link.connection_id
    WHERE wish.sent ? 'provider' OR %(with_json)s::boolean
),
provider_choice AS MATERIALIZED (
    SELECT provider_wish.*, chosen.id AS connection_id, chosen.code, chosen.candidates
    FROM provider_wish
    CROSS JOIN LATERAL (
        SELECT (array_agg(connection.id))[1] AS id, min(connection.code) AS code, count(*) AS candidates
        FROM billing_paymentprovider connection
        WHERE connection.organization_id = %(organization)s::uuid
          AND connection.type = provider_wish.type
          AND CASE
              WHEN provider_wish.sent ? 'code' THEN connection.code = provider_wish.sent ->> 'code'
              WHEN provider_wish.stored_type = provider_wish.type
                  THEN connection.id = (provider_wish.link).connection_id
              ELSE true
          END
    ) chosen
    WHERE provider_wish.sent IS NOT NULL AND provider_wish.type IS NOT NULL
),
wanted_provider AS MATERIALIZED (
    SELECT
        choice.n,
        %(organization)s::uuid AS organization_id,
        choice.customer_id,
        choice.connection_id,
        CASE
            WHEN choice.sent ? 'provider_customer_id' THEN choice.sent ->> 'provider_customer_id'
            WHEN choice.connection_id = (choice.link).connection_id
                THEN (choice.link).provider_customer_id
        END AS provider_customer_id,
        coalesce(
            (choice.sent ->> 'sync')::boolean,
            choice.stored_type = choice.type AND (choice.link).sync,
            false
        ) AS sync,
        coalesce(
            (choice.sent ->> 'sync_with_provider')::boolean,
            choice.stored_type = choice.type AND (choice.link).sync_with_provider,
            false
        ) AS sync_with_provider,
        CASE
            WHEN choice.type <> 'stripe' THEN '{}'::varchar[]
            WHEN choice.sent ? 'methods'
                THEN ARRAY(SELECT jsonb_array_elements_text(choice.sent -> 'methods'))::varchar[]
            WHEN choice.stored_type = choice.type THEN (choice.link).provider_payment_methods
            ELSE '{card}'::varchar[]
        END AS provider_payment_methods,
        choice.type,
        choice.code
    FROM provider_choice choice
),

-- 4. Metadata (2.8): matched by id, else by key among the entries no item claims by id.
metadata_item AS MATERIALIZED (
    SELECT wish.n, wish.stored_id, wish.customer_id, item.item, item.position, entry.id AS claimed_id, entry
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements(wish.sent -> 'metadata') WITH ORDINALITY AS item (item, position)
    LEFT JOIN customers_customermetadata entry
        ON entry.customer_id = wish.stored_id AND entry.id = (item.item ->> 'id')::uuid
),
wanted_metadata AS MATERIALIZED (
    SELECT
        item.n,
        coalesce(item.claimed_id, same_key.id, customers_ordered_id(item.position)) AS id,
        %(organization)s::uuid AS organization_id,
        item.customer_id,
        coalesce(item.item ->> 'key', (item.entry).key) AS key,
        coalesce(item.item ->> 'value', (item.entry).value) AS value,
        coalesce((item.item ->> 'display_in_invoice')::boolean, false) AS display_in_invoice,
        coalesce((item.entry).created_at, same_key.created_at, now()) AS created_at,
        item.claimed_id
    FROM metadata_item item
    LEFT JOIN customers_customermetadata same_key
        ON item.claimed_id IS NULL
        AND same_key.customer_id = item.stored_id
        AND same_key.key = item.item ->> 'key'
        AND NOT EXISTS (
            SELECT FROM metadata_item other WHERE other.n = item.n AND other.claimed_id = same_key.id
        )
),
stored_metadata AS MATERIALIZED (
    SELECT wish.n, wish.sent ? 'metadata' AS replaced, entry.*
    FROM wish
    JOIN customers_customermetadata entry ON entry.customer_id = wish.stored_id
    WHERE wish.sent ? 'metadata' OR %(with_json)s::boolean
),

-- 5. Taxes (2.9): the list replaces the set, and what is named is set by hand.
tax_item AS MATERIALIZED (
    SELECT wish.n, wish.stored_id, wish.customer_id, item.code, item.position, tax.id AS tax_id
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements_text(wish.sent -> 'taxes') WITH ORDINALITY AS item (code, position)
    LEFT JOIN billing_tax tax
        ON tax.organization_id = %(organization)s::uuid AND tax.code = item.code AND tax.deleted_at IS NULL
),
stored_tax AS MATERIALIZED (
    SELECT wish.n, wish.sent ? 'taxes' AS replaced, link.*
    FROM wish
    JOIN customers_appliedtax link ON link.customer_id = wish.stored_id
    WHERE wish.sent ? 'taxes' OR %(with_json)s::boolean
),
wanted_tax AS MATERIALIZED (
    SELECT
        item.n,
        coalesce(stored.id, customers_ordered_id(item.position)) AS id,
        %(organization)s::uuid AS organization_id,
        item.customer_id,
        item.tax_id,
        'manual'::varchar AS origin,
        coalesce(stored.created_at, now()) AS created_at
    FROM tax_item item
    LEFT JOIN stored_tax stored ON stored.n = item.n AND stored.tax_id = item.tax_id
),

-- 6. Integrations (2.10): matched by id, else by type; links that no item matches go.
integration_item AS MATERIALIZED (
    SELECT
        wish.n,
        wish.stored_id,
        wish.customer_id,
        coalesce(wish.sent -> 'fields' ->> 'account_type', (wish.stored).account_type) = 'partner' AS for_partner,
        item.item,
        item.position,
        coalesce(item.item ->> 'integration_type', by_id.type) AS type,
        by_id.id IS NOT NULL AS by_id
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements(wish.sent -> 'integrations') WITH ORDINALITY AS item (item, position)
    LEFT JOIN customers_integrationlink by_id
        ON by_id.customer_id = wish.stored_id AND by_id.id = (item.item ->> 'id')::uuid
),
integration_choice AS MATERIALIZED (
    SELECT item.*, link.id AS link_id, link, chosen.id AS connection_id, chosen.code
    FROM integration_item item
    LEFT JOIN customers_integrationlink link ON link.customer_id = item.stored_id AND link.type = item.type
    CROSS JOIN LATERAL (
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
        UNION ALL
        SELECT NULL, NULL
        LIMIT 1
    ) chosen
),
wanted_integration AS MATERIALIZED (
    SELECT
        choice.n,
        coalesce(choice.link_id, customers_ordered_id(choice.position)) AS id,
        %(organization)s::uuid AS organization_id,
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
    WHERE NOT coalesce(choice.for_partner, false)
      AND (
          choice.link_id IS NOT NULL
          OR choice.item ->> 'external_customer_id' IS NOT NULL
          OR (choice.item ->> 'sync_with_provider')::boolean
      )
),
stored_integration AS MATERIALIZED (
    SELECT
        wish.n,
        wish.sent ? 'integrations'
            AND coalesce(wish.sent -> 'fields' ->> 'account_type', (wish.stored).account_type) <> 'partner'
            AS replaced,
        link.*,
        connection.code
    FROM wish
    JOIN customers_integrationlink link ON link.customer_id = wish.stored_id
    JOIN billing_integration connection ON connection.id = link.connection_id
    WHERE wish.sent ? 'integrations' OR %(with_json)s::boolean
),

-- 7. Sections (2.11): unknown codes are left out.
wanted_section AS MATERIALIZED (
    SELECT DISTINCT wish.n, %(organization)s::uuid AS organization_id, wish.customer_id, section.id AS section_id, section.code
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements_text(wish.sent -> 'sections') AS item (code)
    JOIN billing_invoicecustomsection section
        ON section.organization_id = %(organization)s::uuid
        AND section.code = item.code
        AND section.deleted_at IS NULL
),
stored_section AS MATERIALIZED (
    SELECT wish.n, wish.sent ? 'sections' AS replaced, choice.*, section.code
    FROM wish
    JOIN customers_selectedsection choice ON choice.customer_id = wish.stored_id
    JOIN billing_invoicecustomsection section ON section.id = choice.section_id
    WHERE wish.sent ? 'sections' OR %(with_json)s::boolean
),

-- 8. What differs, by the path of the wire: old and new.
difference AS MATERIALIZED (
    SELECT wish.n, part.prefix || field.key AS path, wish.stored_json -> field.key AS old, field.value AS new
    FROM wish
    CROSS JOIN LATERAL (
        VALUES ('', wish.sent -> 'fields'), ('billing_configuration.', wish.sent -> 'configuration')
    ) AS part (prefix, sent)
    CROSS JOIN LATERAL jsonb_each(part.sent) AS field
    WHERE coalesce(wish.stored_json -> field.key, 'null') <> field.value
    UNION ALL
    SELECT wish.n, 'billing_entity_code', to_jsonb(wish.stored_entity_code), to_jsonb(wish.entity_code)
    FROM wish
    WHERE wish.stored_entity_code IS DISTINCT FROM wish.entity_code
    UNION ALL
    SELECT shipping.n, 'shipping_address.' || field.key, shipping.stored_json -> field.key, field.value
    FROM stored_shipping shipping
    CROSS JOIN LATERAL jsonb_each(shipping.sent) AS field
    WHERE coalesce(shipping.stored_json -> field.key, 'null') <> field.value
    UNION ALL
    SELECT provider.n, 'billing_configuration.' || field.path, field.old, field.new
    FROM provider_wish provider
    LEFT JOIN wanted_provider wanted ON wanted.n = provider.n
    CROSS JOIN LATERAL (
        VALUES
            ('payment_provider', to_jsonb(provider.stored_type), to_jsonb(wanted.type)),
            ('payment_provider_code', to_jsonb(provider.stored_code), to_jsonb(wanted.code)),
            (
                'provider_customer_id',
                to_jsonb((provider.link).provider_customer_id),
                to_jsonb(wanted.provider_customer_id)
            ),
            ('sync', to_jsonb((provider.link).sync), to_jsonb(wanted.sync)),
            (
                'sync_with_provider',
                to_jsonb((provider.link).sync_with_provider),
                to_jsonb(wanted.sync_with_provider)
            ),
            (
                'provider_payment_methods',
                to_jsonb((provider.link).provider_payment_methods),
                to_jsonb(wanted.provider_payment_methods)
            )
    ) AS field (path, old, new)
    WHERE provider.sent IS NOT NULL
      AND (provider.was_linked OR wanted.n IS NOT NULL)
      AND field.old IS DISTINCT FROM field.new
    UNION ALL
    SELECT wish.n, 'metadata', lists.old, lists.new
    FROM wish
    CROSS JOIN LATERAL (
        SELECT
            (
                SELECT jsonb_agg(
                    jsonb_build_object(
                        'lago_id', id, 'key', key, 'value', value, 'display_in_invoice', display_in_invoice
                    ) ORDER BY created_at, id
                )
                FROM stored_metadata WHERE n = wish.n
            ) AS old,
            (
                SELECT jsonb_agg(
                    jsonb_build_object(
                        'lago_id', id, 'key', key, 'value', value, 'display_in_invoice', display_in_invoice
                    ) ORDER BY created_at, id
                )
                FROM wanted_metadata WHERE n = wish.n
            ) AS new
    ) lists
    WHERE wish.sent ? 'metadata' AND lists.old IS DISTINCT FROM lists.new
    UNION ALL
    SELECT wish.n, 'tax_codes', lists.old, lists.new
    FROM wish
    CROSS JOIN LATERAL (
        SELECT
            (
                SELECT jsonb_agg(tax.code ORDER BY tax.code)
                FROM stored_tax JOIN billing_tax tax ON tax.id = stored_tax.tax_id
                WHERE stored_tax.n = wish.n
            ) AS old,
            (SELECT jsonb_agg(code ORDER BY code) FROM tax_item WHERE n = wish.n) AS new,
            EXISTS (SELECT FROM stored_tax WHERE n = wish.n AND origin <> 'manual') AS had_automatic
    ) lists
    WHERE wish.sent ? 'taxes' AND (lists.old IS DISTINCT FROM lists.new OR lists.had_automatic)
    UNION ALL
    SELECT wish.n, 'integration_customers', lists.old, lists.new
    FROM wish
    CROSS JOIN LATERAL (
        SELECT
            (
                SELECT jsonb_agg(
                    jsonb_build_object(
                        'lago_id', id, 'integration_type', type, 'integration_code', code,
                        'external_customer_id', external_customer_id,
                        'sync_with_provider', sync_with_provider, 'subsidiary_id', subsidiary_id,
                        'targeted_object', targeted_object
                    ) ORDER BY created_at, id
                )
                FROM stored_integration WHERE n = wish.n AND replaced
            ) AS old,
            (
                SELECT jsonb_agg(
                    jsonb_build_object(
                        'lago_id', id, 'integration_type', type, 'integration_code', code,
                        'external_customer_id', external_customer_id,
                        'sync_with_provider', sync_with_provider, 'subsidiary_id', subsidiary_id,
                        'targeted_object', targeted_object
                    ) ORDER BY created_at, id
                )
                FROM wanted_integration WHERE n = wish.n
            ) AS new
    ) lists
    WHERE wish.sent ? 'integrations' AND lists.old IS DISTINCT FROM lists.new
    UNION ALL
    SELECT wish.n, 'invoice_custom_section_codes', lists.old, lists.new
    FROM wish
    CROSS JOIN LATERAL (
        SELECT
            (SELECT jsonb_agg(code ORDER BY code) FROM stored_section WHERE n = wish.n) AS old,
            (SELECT jsonb_agg(code ORDER BY code) FROM wanted_section WHERE n = wish.n) AS new
    ) lists
    WHERE wish.sent ? 'sections' AND lists.old IS DISTINCT FROM lists.new
),
record AS MATERIALIZED (
    SELECT n, jsonb_object_agg(path, jsonb_build_array(old, new)) AS changes
    FROM difference
    GROUP BY n
),

-- 9. What forbids it. One problem anywhere, and nothing of the batch is written.
problem AS MATERIALIZED (
    SELECT wish.n, 'refused' AS kind, NULL AS key, NULL AS code
    FROM wish WHERE wish.sent ? 'refused'
    UNION ALL
    SELECT choice.n, 'invalid', 'base',
        CASE WHEN choice.candidates = 0 THEN 'payment_provider_not_found' ELSE 'payment_provider_code_missing' END
    FROM provider_choice choice
    WHERE choice.candidates <> 1
    UNION ALL
    SELECT choice.n, 'invalid', 'provider_customer_id', 'value_is_invalid'
    FROM provider_choice choice WHERE choice.sent ? 'card'
    UNION ALL
    SELECT choice.n, 'invalid', 'provider_payment_methods', refused.code
    FROM provider_choice choice
    CROSS JOIN LATERAL jsonb_array_elements_text(choice.sent -> 'refused_methods') AS refused (code)
    WHERE choice.type = 'stripe'
    UNION ALL
    SELECT n, 'invalid', 'id', 'value_already_exist'
    FROM wanted_metadata WHERE claimed_id IS NOT NULL GROUP BY n, claimed_id HAVING count(*) > 1
    UNION ALL
    SELECT n, 'invalid', 'key', 'value_is_mandatory' FROM wanted_metadata WHERE key IS NULL
    UNION ALL
    SELECT n, 'invalid', 'value', 'value_is_mandatory' FROM wanted_metadata WHERE value IS NULL
    UNION ALL
    SELECT n, 'invalid', 'key', 'value_already_exist'
    FROM wanted_metadata WHERE key IS NOT NULL GROUP BY n, key HAVING count(*) > 1
    UNION ALL
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
    UNION ALL
    SELECT n, 'not_found', 'billing_entity', NULL FROM wish WHERE entity_id IS NULL
    UNION ALL
    SELECT n, 'not_found', 'tax', NULL FROM tax_item WHERE tax_id IS NULL
    UNION ALL
    SELECT n, 'stale', NULL, customers_tag(stored_id, (stored).version)
    FROM wish
    WHERE (sent ? 'create_only' AND stored_id IS NOT NULL)
       OR (sent ? 'if_match' AND stored_id IS NULL)
       OR (
           sent ? 'if_match'
           AND NOT sent -> 'if_match' ?| ARRAY['*', customers_tag(stored_id, (stored).version)]
       )
),
allowed AS MATERIALIZED (SELECT NOT EXISTS (SELECT FROM problem) AS yes),
changed AS MATERIALIZED (
    SELECT wish.*, record.changes,
        jsonb_populate_record(
            CASE WHEN wish.stored_id IS NULL THEN NULL::customers_customer ELSE wish.stored END,
            CASE WHEN wish.stored_id IS NULL THEN jsonb_build_object(
                'id', wish.customer_id,
                'organization_id', %(organization)s::uuid,
                'external_id', wish.external_id,
                'account_type', 'customer',
                'finalize_zero_amount_invoice', 'inherit',
                'skip_invoice_custom_sections', false,
                'version', 0,
                'created_at', now()
            ) ELSE '{}' END
            || (wish.sent -> 'fields')
            || coalesce(wish.sent -> 'configuration', '{}')
            || jsonb_build_object('billing_entity_id', wish.entity_id)
        ) AS wanted
    FROM wish
    LEFT JOIN record ON record.n = wish.n
    WHERE (record.n IS NOT NULL OR wish.stored_id IS NULL) AND (SELECT yes FROM allowed)
),

-- 10. The writing: first what hangs on the customer, then the customer; the counter last of all,
-- because its row stays locked until the commit.
put_shipping AS (
    INSERT INTO customers_shippingaddress AS kept
        (organization_id, customer_id, address_line1, address_line2, city, zipcode, state, country)
    SELECT %(organization)s::uuid, shipping.customer_id, wanted.address_line1, wanted.address_line2,
        wanted.city, wanted.zipcode, wanted.state, wanted.country
    FROM stored_shipping shipping
    JOIN changed ON changed.n = shipping.n
    CROSS JOIN LATERAL jsonb_populate_record(shipping.shipping, shipping.sent) AS wanted
    WHERE EXISTS (
        SELECT FROM difference WHERE difference.n = shipping.n AND difference.path LIKE 'shipping_address.%%'
    )
    ON CONFLICT (customer_id) DO UPDATE SET
        address_line1 = excluded.address_line1, address_line2 = excluded.address_line2,
        city = excluded.city, zipcode = excluded.zipcode, state = excluded.state, country = excluded.country
    RETURNING kept.*
),
removed_provider AS (
    DELETE FROM customers_providerlink link
    USING changed, provider_wish provider
    WHERE provider.n = changed.n AND provider.sent IS NOT NULL AND provider.type IS NULL
      AND link.customer_id = changed.stored_id
    RETURNING link.customer_id
),
put_provider AS (
    INSERT INTO customers_providerlink AS kept
        (organization_id, customer_id, connection_id, provider_customer_id, sync, sync_with_provider,
         provider_payment_methods)
    SELECT wanted.organization_id, wanted.customer_id, wanted.connection_id, wanted.provider_customer_id,
        wanted.sync, wanted.sync_with_provider, wanted.provider_payment_methods
    FROM wanted_provider wanted
    JOIN changed ON changed.n = wanted.n
    LEFT JOIN customers_providerlink stored ON stored.customer_id = wanted.customer_id
    WHERE (stored.connection_id, stored.provider_customer_id, stored.sync, stored.sync_with_provider,
           stored.provider_payment_methods)
        IS DISTINCT FROM (wanted.connection_id, wanted.provider_customer_id, wanted.sync,
           wanted.sync_with_provider, wanted.provider_payment_methods)
    ON CONFLICT (customer_id) DO UPDATE SET
        connection_id = excluded.connection_id, provider_customer_id = excluded.provider_customer_id,
        sync = excluded.sync, sync_with_provider = excluded.sync_with_provider,
        provider_payment_methods = excluded.provider_payment_methods
    RETURNING kept.customer_id
),
removed_metadata AS (
    DELETE FROM customers_customermetadata entry
    USING stored_metadata stored, changed
    WHERE entry.id = stored.id AND stored.replaced AND changed.n = stored.n
      AND NOT EXISTS (SELECT FROM wanted_metadata wanted WHERE wanted.n = stored.n AND wanted.id = stored.id)
    RETURNING entry.id
),
put_metadata AS (
    INSERT INTO customers_customermetadata AS kept
        (id, organization_id, customer_id, key, value, display_in_invoice, created_at)
    SELECT wanted.id, wanted.organization_id, wanted.customer_id, wanted.key, wanted.value,
        wanted.display_in_invoice, wanted.created_at
    FROM wanted_metadata wanted
    JOIN changed ON changed.n = wanted.n
    LEFT JOIN stored_metadata stored ON stored.n = wanted.n AND stored.id = wanted.id
    WHERE (stored.key, stored.value, stored.display_in_invoice)
        IS DISTINCT FROM (wanted.key, wanted.value, wanted.display_in_invoice)
    ON CONFLICT (id) DO UPDATE SET
        key = excluded.key, value = excluded.value, display_in_invoice = excluded.display_in_invoice
    RETURNING kept.id
),
removed_tax AS (
    DELETE FROM customers_appliedtax link
    USING stored_tax stored, changed
    WHERE link.id = stored.id AND stored.replaced AND changed.n = stored.n
      AND NOT EXISTS (SELECT FROM wanted_tax wanted WHERE wanted.n = stored.n AND wanted.id = stored.id)
    RETURNING link.id
),
put_tax AS (
    INSERT INTO customers_appliedtax AS kept (id, organization_id, customer_id, tax_id, origin, created_at)
    SELECT wanted.id, wanted.organization_id, wanted.customer_id, wanted.tax_id, wanted.origin, wanted.created_at
    FROM wanted_tax wanted
    JOIN changed ON changed.n = wanted.n
    LEFT JOIN stored_tax stored ON stored.n = wanted.n AND stored.id = wanted.id
    WHERE stored.origin IS DISTINCT FROM wanted.origin
    ON CONFLICT (id) DO UPDATE SET origin = excluded.origin
    RETURNING kept.id
),
removed_integration AS (
    DELETE FROM customers_integrationlink link
    USING stored_integration stored, changed
    WHERE link.id = stored.id AND stored.replaced AND changed.n = stored.n
      AND NOT EXISTS (
          SELECT FROM wanted_integration wanted WHERE wanted.n = stored.n AND wanted.id = stored.id
      )
    RETURNING link.id
),
put_integration AS (
    INSERT INTO customers_integrationlink AS kept
        (id, organization_id, customer_id, connection_id, type, external_customer_id, sync_with_provider,
         subsidiary_id, targeted_object, created_at)
    SELECT wanted.id, wanted.organization_id, wanted.customer_id, wanted.connection_id, wanted.type,
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
    RETURNING kept.id
),
removed_section AS (
    DELETE FROM customers_selectedsection choice
    USING stored_section stored, changed
    WHERE choice.id = stored.id AND stored.replaced AND changed.n = stored.n
      AND NOT EXISTS (
          SELECT FROM wanted_section wanted WHERE wanted.n = stored.n AND wanted.section_id = stored.section_id
      )
    RETURNING choice.id
),
put_section AS (
    INSERT INTO customers_selectedsection AS kept (id, organization_id, customer_id, section_id)
    SELECT gen_random_uuid(), wanted.organization_id, wanted.customer_id, wanted.section_id
    FROM wanted_section wanted
    JOIN changed ON changed.n = wanted.n
    WHERE NOT EXISTS (
        SELECT FROM stored_section stored WHERE stored.n = wanted.n AND stored.section_id = wanted.section_id
    )
    RETURNING kept.id
),
recorded AS (
    INSERT INTO billing_changerecord
        (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, changes, at)
    SELECT %(organization)s::uuid, 'customer', changed.customer_id,
        CASE WHEN changed.stored_id IS NULL THEN 'created' ELSE 'updated' END,
        %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text,
        coalesce(changed.changes, '{}'), now()
    FROM changed
    ORDER BY changed.n
    RETURNING object_id
),
updated AS (
    UPDATE customers_customer customer SET
        billing_entity_id = (changed.wanted).billing_entity_id,
        account_type = (changed.wanted).account_type,
        customer_type = (changed.wanted).customer_type,
        name = (changed.wanted).name,
        firstname = (changed.wanted).firstname,
        lastname = (changed.wanted).lastname,
        legal_name = (changed.wanted).legal_name,
        legal_number = (changed.wanted).legal_number,
        tax_identification_number = (changed.wanted).tax_identification_number,
        email = (changed.wanted).email,
        phone = (changed.wanted).phone,
        url = (changed.wanted).url,
        logo_url = (changed.wanted).logo_url,
        address_line1 = (changed.wanted).address_line1,
        address_line2 = (changed.wanted).address_line2,
        city = (changed.wanted).city,
        zipcode = (changed.wanted).zipcode,
        state = (changed.wanted).state,
        country = (changed.wanted).country,
        currency = (changed.wanted).currency,
        timezone = (changed.wanted).timezone,
        net_payment_term = (changed.wanted).net_payment_term,
        external_salesforce_id = (changed.wanted).external_salesforce_id,
        finalize_zero_amount_invoice = (changed.wanted).finalize_zero_amount_invoice,
        invoice_grace_period = (changed.wanted).invoice_grace_period,
        document_locale = (changed.wanted).document_locale,
        subscription_invoice_issuing_date_anchor = (changed.wanted).subscription_invoice_issuing_date_anchor,
        subscription_invoice_issuing_date_adjustment
            = (changed.wanted).subscription_invoice_issuing_date_adjustment,
        skip_invoice_custom_sections = (changed.wanted).skip_invoice_custom_sections,
        version = customer.version + 1,
        updated_at = greatest(now(), customer.updated_at)
    FROM changed
    WHERE customer.id = changed.stored_id
    RETURNING customer.*
),
newcomer AS MATERIALIZED (
    SELECT changed.wanted, row_number() OVER (ORDER BY changed.n) AS place
    FROM changed
    WHERE changed.stored_id IS NULL
      AND (SELECT count(*) FROM recorded) + (SELECT count(*) FROM put_metadata)
          + (SELECT count(*) FROM put_tax) + (SELECT count(*) FROM put_shipping)
          + (SELECT count(*) FROM put_provider) + (SELECT count(*) FROM put_integration)
          + (SELECT count(*) FROM put_section) + (SELECT count(*) FROM updated) >= 0
),
counted AS (
    UPDATE customers_customercounter counter SET
        last_number = counter.last_number + newcomers.count,
        kept = counter.kept + newcomers.count
    FROM (SELECT count(*) FROM newcomer) newcomers
    WHERE counter.organization_id = %(organization)s::uuid AND newcomers.count > 0
    RETURNING counter.last_number - newcomers.count AS last_number
),
inserted AS (
    INSERT INTO customers_customer
    SELECT (numbered.customer).*
    FROM (
        SELECT jsonb_populate_record(
            newcomer.wanted,
            jsonb_build_object(
                'sequential_id', number.number,
                'slug', organization.document_number_prefix || '-'
                    || lpad(number.number::text, greatest(3, length(number.number::text)), '0'),
                'version', 1,
                'updated_at', now()
            )
        ) AS customer
        FROM newcomer
        CROSS JOIN counted
        CROSS JOIN LATERAL (SELECT counted.last_number + newcomer.place AS number) number
        JOIN billing_organization organization ON organization.id = %(organization)s::uuid
        OFFSET 0
    ) numbered
    RETURNING *
)
