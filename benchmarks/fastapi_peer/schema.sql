-- The tables a FastAPI user would make for the same customers: plain, normalized, indexed for
-- what is asked of them.
CREATE TABLE organization (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    document_number_prefix text NOT NULL,
    last_customer_number bigint NOT NULL DEFAULT 0
);
CREATE TABLE api_key (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization,
    name text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    permissions jsonb,
    expires_at timestamptz
);
CREATE TABLE billing_entity (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization,
    code text NOT NULL,
    timezone text NOT NULL,
    is_default boolean NOT NULL,
    UNIQUE (organization_id, code)
);
CREATE TABLE tax (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization,
    code text NOT NULL,
    name text NOT NULL,
    description text,
    rate numeric(12, 8) NOT NULL,
    applied_to_organization boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, code)
);
CREATE TABLE payment_provider (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization,
    type text NOT NULL,
    code text NOT NULL,
    UNIQUE (organization_id, code)
);
CREATE TABLE invoice_custom_section (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization,
    billing_entity_id uuid NOT NULL REFERENCES billing_entity,
    code text NOT NULL,
    name text NOT NULL,
    description text,
    details text,
    display_name text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE customer (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization,
    billing_entity_id uuid NOT NULL REFERENCES billing_entity,
    external_id text NOT NULL,
    sequential_id bigint NOT NULL,
    slug text NOT NULL,
    account_type text NOT NULL DEFAULT 'customer',
    customer_type text,
    name text,
    firstname text,
    lastname text,
    legal_name text,
    legal_number text,
    tax_identification_number text,
    email text,
    phone text,
    url text,
    logo_url text,
    country text,
    address_line1 text,
    address_line2 text,
    city text,
    state text,
    zipcode text,
    currency text,
    timezone text,
    net_payment_term integer,
    external_salesforce_id text,
    finalize_zero_amount_invoice text NOT NULL DEFAULT 'inherit',
    skip_invoice_custom_sections boolean NOT NULL DEFAULT false,
    invoice_grace_period integer,
    document_locale text,
    subscription_invoice_issuing_date_anchor text,
    subscription_invoice_issuing_date_adjustment text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, external_id),
    UNIQUE (organization_id, sequential_id)
);
CREATE INDEX customer_newest_first ON customer (organization_id, created_at DESC, id);
CREATE TABLE shipping_address (
    customer_id uuid PRIMARY KEY REFERENCES customer,
    address_line1 text,
    address_line2 text,
    city text,
    zipcode text,
    state text,
    country text
);
CREATE TABLE customer_metadata (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customer,
    key text NOT NULL,
    value text NOT NULL,
    display_in_invoice boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (customer_id, key)
);
CREATE TABLE applied_tax (
    customer_id uuid NOT NULL REFERENCES customer,
    tax_id uuid NOT NULL REFERENCES tax,
    PRIMARY KEY (customer_id, tax_id)
);
CREATE INDEX ON applied_tax (tax_id);
CREATE TABLE provider_link (
    customer_id uuid PRIMARY KEY REFERENCES customer,
    payment_provider_id uuid NOT NULL REFERENCES payment_provider,
    provider_customer_id text,
    sync boolean NOT NULL,
    sync_with_provider boolean NOT NULL,
    provider_payment_methods text[] NOT NULL
);
CREATE TABLE integration_link (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customer,
    type text NOT NULL,
    integration_code text NOT NULL,
    external_customer_id text,
    sync_with_provider boolean NOT NULL,
    subsidiary_id text,
    UNIQUE (customer_id, type)
);
CREATE TABLE change_record (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    changes jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX change_record_of_customer ON change_record (organization_id, customer_id, id DESC);
