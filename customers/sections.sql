-- The sections an invoice of one customer carries: its own choice, else its billing entity's.
coalesce((
    SELECT json_agg(
        json_build_object(
            'lago_id', section.id, 'name', section.name, 'code', section.code,
            'description', section.description, 'details', section.details,
            'display_name', section.display_name,
            'applied_to_organization', EXISTS (
                SELECT FROM billing_billingentitysection entity_section
                JOIN billing_billingentity main ON main.id = entity_section.billing_entity_id
                WHERE entity_section.section_id = section.id AND main.is_default
            ),
            'organization_id', section.organization_id,
            'created_at',
            to_char(section.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        ) ORDER BY section.name COLLATE "C", section.code COLLATE "C"
    )
    FROM billing_invoicecustomsection section
    WHERE NOT customer.skip_invoice_custom_sections
      AND section.organization_id = customer.organization_id
      AND section.deleted_at IS NULL
      AND CASE
          WHEN EXISTS (SELECT FROM customers_selectedsection own WHERE own.customer_id = customer.id)
              THEN section.id IN (
                  SELECT own.section_id FROM customers_selectedsection own
                  WHERE own.customer_id = customer.id
              )
          ELSE section.id IN (
              SELECT inherited.section_id FROM billing_billingentitysection inherited
              WHERE inherited.billing_entity_id = customer.billing_entity_id
          )
      END
), '[]')
