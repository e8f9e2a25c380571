-- The relations of the JSON form, as they stand in the tables, for the rows of `chosen`.
customer AS MATERIALIZED (
    SELECT customer.* FROM customers_customer customer JOIN chosen ON chosen.id = customer.id
),
shipping_address AS (
    SELECT part.* FROM customers_shippingaddress part JOIN chosen ON chosen.id = part.customer_id
),
provider_link AS (
    SELECT part.* FROM customers_providerlink part JOIN chosen ON chosen.id = part.customer_id
),
metadata AS (
    SELECT part.* FROM customers_customermetadata part JOIN chosen ON chosen.id = part.customer_id
),
applied_tax AS (
    SELECT part.* FROM customers_appliedtax part JOIN chosen ON chosen.id = part.customer_id
),
integration_link AS (
    SELECT part.* FROM customers_integrationlink part JOIN chosen ON chosen.id = part.customer_id
),
selected_section AS (
    SELECT part.* FROM customers_selectedsection part JOIN chosen ON chosen.id = part.customer_id
),
