-- What a decision hangs on besides the row and its customer: the column map and the rules (`basis`),
-- and all that a row can name. Place and `xmin` of a row differ after whatever was done to it,
-- so that nothing here has to know which columns matter.
terms AS MATERIALIZED (
    SELECT sha256(%(basis)s::bytea || convert_to(coalesce(string_agg(named.id || ' ' || named.touched, ',' ORDER BY named.id), ''), 'UTF8')) AS mark
    FROM (
        SELECT id::text, ctid::text || xmin::text AS touched FROM billing_billingentity WHERE organization_id = %(organization)s::uuid
        UNION ALL
        SELECT id::text, ctid::text || xmin::text FROM billing_tax WHERE organization_id = %(organization)s::uuid
        UNION ALL
        SELECT id::text, ctid::text || xmin::text FROM billing_invoicecustomsection WHERE organization_id = %(organization)s::uuid
        UNION ALL
        SELECT id::text, ctid::text || xmin::text FROM billing_paymentprovider WHERE organization_id = %(organization)s::uuid
        UNION ALL
        SELECT id::text, ctid::text || xmin::text FROM billing_integration WHERE organization_id = %(organization)s::uuid
    ) named
)
