    ,
    'taxes', coalesce((
        SELECT json_agg(
            json_build_object(
                'lago_id', tax.id,
                'name', tax.name,
                'code', tax.code,
                'description', tax.description,
                'rate', trim_scale(tax.rate),
                'applied_to_organization', EXISTS (
                    SELECT FROM billing_billingentitytax other
                    JOIN billing_billingentity issuer ON issuer.id = other.billing_entity_id
                    WHERE other.tax_id = tax.id AND issuer.is_default
                ),
                'created_at',
                    to_char(tax.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                'add_ons_count', 0,
                'customers_count', 0,
                'plans_count', 0,
                'charges_count', 0,
                'commitments_count', 0
            )
            ORDER BY tax.created_at, tax.id
        )
        FROM billing_billingentitytax link
        JOIN billing_tax tax ON tax.id = link.tax_id AND tax.deleted_at IS NULL
        WHERE link.billing_entity_id = entity.id
    ), '[]'),
    'selected_invoice_custom_sections', coalesce((
        SELECT json_agg(
            json_build_object(
                'lago_id', section.id,
                'name', section.name,
                'code', section.code,
                'description', section.description,
                'details', section.details,
                'display_name', section.display_name,
                'applied_to_organization', EXISTS (
                    SELECT FROM billing_billingentitysection other
                    JOIN billing_billingentity issuer ON issuer.id = other.billing_entity_id
                    WHERE other.section_id = section.id AND issuer.is_default
                ),
                'organization_id', section.organization_id,
                'created_at',
                    to_char(section.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            )
            ORDER BY section.name COLLATE "C", section.code COLLATE "C"
        )
        FROM billing_billingentitysection link
        JOIN billing_invoicecustomsection section
          ON section.id = link.section_id AND section.deleted_at IS NULL
        WHERE link.billing_entity_id = entity.id
    ), '[]')
