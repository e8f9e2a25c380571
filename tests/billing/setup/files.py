"""A set-up file with something of everything, and the secret its variables hold."""

WHOLE = """\
organizations:
  - code: acme
    name: Acme
    document_number_prefix: lag-1234
    default_currency: USD
    timezone: UTC
    legal_name: Acme Inc
    billing_entities:
      - {code: first, name: First, country: US}
      - code: main
        default: true
        name: Main
        timezone: America/Los_Angeles
        legal_name: Main Inc
        invoice_grace_period: 3
        tax_codes: [vat]
        invoice_custom_section_codes: [bank]
      - {code: old, name: Old, archived: true}
    taxes:
      - {code: vat, name: TVA, rate: 20.50}
    invoice_custom_sections:
      - {code: bank, name: Bank, details: "a"}
    payment_providers:
      - {type: stripe, code: s, name: S, secret_key: env:TARN_TEST_SECRET}
      - {type: moneyhash, code: m, name: M}
    integrations:
      - {type: netsuite, code: n, name: N, account_id: 12 SB}
    api_keys:
      - {name: full, key: env:TARN_TEST_KEY}
      - {name: old, key: acme-old-0123456789, expires_at: 2020-01-01T00:00:00Z}
      - {name: reads, key: acme-reads-0123456789, permissions: {customer: [read]}}
    webhook_endpoints:
      - {webhook_url: "https://hooks.example.com", event_types: [customer.created]}
    staff:
      - {email: ann@acme.test, role: finance, password: env:TARN_TEST_SECRET}
      - {email: bob@acme.test, role: viewer}
"""
SECRET = "canary-0123456789abcdef"
