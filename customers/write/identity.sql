-- What customers keep from the system they come from: which of it is taken here.

-- :named
'taken', (
    SELECT json_agg(id)
    FROM unnest(string_to_array(%(kept_ids)s::text, E'\x1f')::uuid[]) AS kept (id)
    WHERE EXISTS (SELECT FROM customers_customer customer WHERE customer.id = kept.id)
       OR EXISTS (SELECT FROM customers_customermetadata entry WHERE entry.id = kept.id)
       OR EXISTS (SELECT FROM customers_integrationlink link WHERE link.id = kept.id)
),
'taken_numbers', (
    SELECT json_agg(customer.sequential_id)
    FROM customers_customer customer
    WHERE customer.organization_id = {organization}
      AND customer.sequential_id = ANY (string_to_array(%(kept_numbers)s::text, E'\x1f')::bigint[])
)
