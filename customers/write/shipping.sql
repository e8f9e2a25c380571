-- The shipping address: what was sent stands over what is stored, part by part.

-- :put
put_shipping AS (
    INSERT INTO customers_shippingaddress
        (organization_id, customer_id, address_line1, address_line2, city, zipcode, state, country)
    SELECT %(organization)s::uuid, target.id, item.address_line1, item.address_line2, item.city,
        item.zipcode, item.state, item.country
    FROM json_to_recordset(%(put_shipping)s::json) AS item (
        n int, address_line1 text, address_line2 text, city text, zipcode text, state text, country text
    )
    JOIN target ON target.n = item.n
    {again}
)

-- :again
ON CONFLICT (customer_id) DO UPDATE SET
    address_line1 = excluded.address_line1, address_line2 = excluded.address_line2,
    city = excluded.city, zipcode = excluded.zipcode, state = excluded.state, country = excluded.country
