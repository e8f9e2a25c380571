-- The organization of the benchmark, its key by hash, and its customers.
INSERT INTO organization VALUES ('00000000-0000-4000-8000-000000000001', 'Acme', 'ACM-1A2B', %(customers)s);
INSERT INTO api_key (id, organization_id, name, key_hash)
VALUES (gen_random_uuid(), '00000000-0000-4000-8000-000000000001', 'bench', %(key_hash)s);
INSERT INTO billing_entity
VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'acme_corp', 'UTC', true);
INSERT INTO tax (id, organization_id, code, name, description, rate)
VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001',
        'french_standard_vat', 'TVA', 'French standard VAT', 20);
INSERT INTO payment_provider
VALUES ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000001', 'stripe', 'stripe-eu-1');
INSERT INTO invoice_custom_section (id, organization_id, billing_entity_id, code, name, details)
VALUES (gen_random_uuid(), '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
        'eu_bank_details', 'EU Bank Details', 'IBAN: FR1420041010050500013M02606');
INSERT INTO customer (id, organization_id, billing_entity_id, external_id, sequential_id, slug, name,
    legal_name, legal_number, tax_identification_number, email, phone, url, logo_url, country,
    address_line1, city, state, zipcode, currency, timezone, invoice_grace_period, document_locale)
SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
    'bench-' || n, n, 'ACM-1A2B-' || n, 'Gavin Belson', 'Coleman-Blair', '49-008-2965', 'EU123456789',
    'dinesh@piedpiper.test', '1-171-883-3711 x245', 'http://hooli.com', 'http://hooli.com/logo.png', 'US',
    '5230 Penfield Ave', 'Woodland Hills', 'CA', '91364', 'USD', 'Europe/Paris', 3, 'fr'
FROM generate_series(1, %(customers)s) n;
INSERT INTO shipping_address
SELECT id, '5230 Penfield Ave', NULL, 'Woodland Hills', '91364', 'CA', 'US' FROM customer;
INSERT INTO customer_metadata
SELECT gen_random_uuid(), id, 'Purchase Order', '123456789', true FROM customer;
INSERT INTO applied_tax SELECT id, '00000000-0000-4000-8000-000000000003' FROM customer;
INSERT INTO provider_link
SELECT id, '00000000-0000-4000-8000-000000000004', 'cus_12345', true, true,
    '{card,sepa_debit,us_bank_account,bacs_debit,link}' FROM customer;
INSERT INTO change_record (organization_id, customer_id, action, actor, changes)
SELECT organization_id, id, 'created', 'seed', '{}' FROM customer;
