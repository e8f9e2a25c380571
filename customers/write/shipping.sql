-- The shipping address: what was sent stands over what is stored, part by part.

-- :find
shipping AS MATERIALIZED (
    SELECT wish.n, wish.customer_id, wish.sent -> 'shipping' AS sent, address, to_jsonb(address) AS stored_json
    FROM wish
    -- Not "stored": that names a column of wish, which wins over a row.
    LEFT JOIN customers_shippingaddress address ON address.customer_id = wish.stored_id
    WHERE wish.sent -> 'shipping' IS NOT NULL
)

-- :difference
SELECT shipping.n, 'shipping_address.' || field.key AS path, shipping.stored_json -> field.key AS old, field.value AS new
FROM shipping
CROSS JOIN LATERAL jsonb_each(shipping.sent) AS field
WHERE coalesce(shipping.stored_json -> field.key, 'null') <> field.value

-- :put
put_shipping AS (
    INSERT INTO customers_shippingaddress
        (organization_id, customer_id, address_line1, address_line2, city, zipcode, state, country)
    SELECT %(organization)s::uuid, shipping.customer_id, wanted.address_line1, wanted.address_line2,
        wanted.city, wanted.zipcode, wanted.state, wanted.country
    FROM shipping
    JOIN changed ON changed.n = shipping.n
    CROSS JOIN LATERAL jsonb_populate_record(shipping.address, shipping.sent) AS wanted
    WHERE EXISTS (
        SELECT FROM difference
        WHERE difference.n = shipping.n AND starts_with(difference.path, 'shipping_address.')
    )
    ON CONFLICT (customer_id) DO UPDATE SET
        address_line1 = excluded.address_line1, address_line2 = excluded.address_line2,
        city = excluded.city, zipcode = excluded.zipcode, state = excluded.state, country = excluded.country
    RETURNING customer_id
)

-- :now
shipping_address AS (
    SELECT shipping.customer_id, wanted.address_line1, wanted.address_line2, wanted.city,
        wanted.zipcode, wanted.state, wanted.country
    FROM shipping
    CROSS JOIN LATERAL jsonb_populate_record(shipping.address, shipping.sent) AS wanted
)
