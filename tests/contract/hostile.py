"""Values that people and programs send when they mean no good, for hypothesis to choose from."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# `make fuzz` asks for more.
EXAMPLES = int(os.environ.get("TARN_FUZZ_EXAMPLES", "120"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CUSTOMER_KEYS = (
    "external_id billing_entity_code account_type name firstname lastname legal_name legal_number"
    " phone external_salesforce_id tax_identification_number customer_type email url logo_url"
    " country address_line1 address_line2 city state zipcode shipping_address currency timezone"
    " net_payment_term finalize_zero_amount_invoice skip_invoice_custom_sections"
    " invoice_custom_section_codes tax_codes metadata integration_customers billing_configuration"
).split()
INNER_KEYS = (
    "id key value display_in_invoice integration_type integration_code external_customer_id"
    " sync_with_provider subsidiary_id targeted_object payment_provider payment_provider_code"
    " provider_customer_id sync provider_payment_methods document_locale invoice_grace_period"
    " invoice_footer subscription_invoice_issuing_date_anchor country city zipcode"
).split()
OTHER_KEYS = (
    "code name rate description applied_to_organization default_currency timezone email"
    " net_payment_term webhook_url signature_algo event_types document_numbering"
    " document_number_prefix slug email_settings billing_configuration eu_tax_management"
    " einvoicing logo tax_codes invoice_custom_section_codes finalize_zero_amount_invoice"
).split()

words = st.sampled_from(
    "stripe gocardless card link netsuite hubspot company partner true FR EUR UTC GMT+12 en"
    " shared us-own inherit hmac * https://x.example.com/ a@b.co 0 -1 1e5 20.5 2147483648"
    " data:image/png;base64,AAAA".split()
)
texts = st.one_of(
    words,
    st.text(max_size=12),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf", "Zs"]), max_size=4),
    st.sampled_from(["", " ", "\0", "\ud800", "\udfff\ud800", "x" * 256, "\U0010ffff", "ﬁİıß"]),
)
numbers = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**31, -(2**63), 10**39, -0.0, 1e-300, 1.7e308]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
_names = st.one_of(st.sampled_from(INNER_KEYS), texts)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_names, inner, max_size=4)
    ),
    max_leaves=8,
)


def wishes(keys: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of these keys, and now and then another one."""
    return st.dictionaries(st.one_of(st.sampled_from(keys), texts), values, max_size=6)


# Text for a JSON body that no encoder writes; %s is a sound object.
ODD_BODIES = st.sampled_from(
    [
        "",
        " ",
        "null",
        "[]",
        "[" * 100_000,
        '{"customer":' * 5_000,
        "%s%s",
        "%s garbage",
        "\ufeff%s",
        "{'customer':{}}",
        '{"customer":{"external_id":"a","net_payment_term":' + "9" * 5_000 + "}}",
        '{"customer":{"external_id":"a","net_payment_term":1' + "0" * 39 + "}}",
        '{"customer":{"external_id":"a","net_payment_term":1e999999999}}',
        '{"customer":{"external_id":"a","name":NaN,"city":-Infinity}}',
        '{"customer":{"external_id":"a"},"customer":{"external_id":"b","external_id":"c"}}',
        '{"customer":{"external_id":"\\ud800"}}',
        '{"customer":{"external_id":"a","name":"\\u0000"}}',
        '{"customer":{"external_id":"a","metadata":[' + "{}," * 9_000 + "{}]}}",
        '{"customer":{"external_id":"a","tax_codes":[' + '"x",' * 9_000 + '"x"]}}',
        '{"customer":{"external_id":"a","name":"' + "x" * 900_000 + '"}}',
        '{"customer":{"external_id":"a","email":"' + "a@b.co," * 100_000 + '"}}',
        '{"customer":{"external_id":"a","email":"' + "a" * 1_000 + '@"}}',
        '{"customer":{"external_id":"a","url":"' + " " * 500_000 + 'x"}}',
    ]
)
CHARSETS = st.sampled_from(
    ["utf-8", "UTF-8", "utf-16", "latin-1", "zip", "bz2", "hex", "idna", "rot13", "\xff", "", '"']
)
