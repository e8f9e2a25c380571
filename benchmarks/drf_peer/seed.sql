-- The organization of the benchmark, its key by hash, and its customers.
INSERT INTO drf_peer_organization VALUES ('00000000-0000-4000-8000-000000000001', 'Acme', 'ACM-1A2B', %(customers)s);
INSERT INTO drf_peer_apikey (id, organization_id, name, key_hash)
VALUES (gen_random_uuid(), '00000000-0000-4000-8000-000000000001', 'bench', %(key_hash)s);
INSERT INTO drf_peer_billingentity (id, organization_id, code, timezone, is_default)
VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'acme_corp', 'UTC', true);
INSERT INTO drf_peer_tax (id, organization_id, code, name, description, rate, applied_to_organization, created_at)
VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001',
        'french_standard_vat', 'TVA', 'French standard VAT', 20, false, now());
INSERT INTO drf_peer_paymentprovider (id, organization_id, type, code)
VALUES ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000001', 'stripe', 'stripe-eu-1');
INSERT INTO drf_peer_invoicecustomsection (id, organization_id, billing_entity_id, code, name, details, created_at)
VALUES (gen_random_uuid(), '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
        'eu_bank_details', 'EU Bank Details', 'IBAN: FR1420041010050500013M02606', now());
INSERT INTO drf_peer_customer (id, organization_id, billing_entity_id, external_id, sequential_id, slug, name,
    legal_name, legal_number, tax_identification_number, email, phone, url, logo_url, country,
    address_line1, city, state, zipcode, currency, timezone, invoice_grace_period, document_locale,
    account_type, finalize_zero_amount_invoice, skip_invoice_custom_sections, created_at, updated_at)
SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
    'bench-' || n, n, 'ACM-1A2B-' || n, 'Gavin Belson', 'Coleman-Blair', '49-008-2965', 'EU123456789',
    'dinesh@piedpiper.test', '1-171-883-3711 x245', 'http://hooli.com', 'http://hooli.com/logo.png', 'US',
    '5230 Penfield Ave', 'Woodland Hills', 'CA', '91364', 'USD', 'Europe/Paris', 3, 'fr',
    'customer', 'inherit', false, now(), now()
FROM generate_series(1, %(customers)s) n;
INSERT INTO drf_peer_shippingaddress (customer_id, address_line1, city, zipcode, state, country)
SELECT id, '5230 Penfield Ave', 'Woodland Hills', '91364', 'CA', 'US' FROM drf_peer_customer;
INSERT INTO drf_peer_customermetadata (id, customer_id, key, value, display_in_invoice, created_at)
SELECT gen_random_uuid(), id, 'Purchase Order', '123456789', true, now() FROM drf_peer_customer;
INSERT INTO drf_peer_customer_taxes (customer_id, tax_id)
SELECT id, '00000000-0000-4000-8000-000000000003' FROM drf_peer_customer;
INSERT INTO drf_peer_providerlink (customer_id, connection_id, provider_customer_id, sync,
    sync_with_provider, provider_payment_methods)
SELECT id, '00000000-0000-4000-8000-000000000004', 'cus_12345', true, true,
    '{card,sepa_debit,us_bank_account,bacs_debit,link}' FROM drf_peer_customer;
INSERT INTO drf_peer_changerecord (organization_id, customer_id, action, actor, changes, at)
SELECT organization_id, id, 'created', 'seed', '{}', now() FROM drf_peer_customer;
