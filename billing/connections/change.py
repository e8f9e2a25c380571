"""The shapes of connections: what each type keeps secret and what it is set to (resources.md 5)."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from billing import values
from billing.connections.models import Integration, PaymentProvider
from billing.values import Reader, fail
from billing.wish import BlankIsNull, Boolean, Code, Name, Wish, choice, long_text

REDIRECT_URL_LENGTH = 1_024
FLOW_ID_LENGTH = 20

_WEB = re.compile(r"https?://[^/?#\s\\]+[^\s\\]*\Z", re.IGNORECASE)
_APP = re.compile(r"([a-z][a-z0-9+.-]*)://[^\s\\]+\Z", re.IGNORECASE)
# Schemes that a browser runs or reads from its own machine.
_DANGEROUS = frozenset({"javascript", "vbscript", "data", "file", "blob", "about"})


def _is_web_address(url: str) -> bool:
    return _WEB.match(url) is not None


def _is_web_or_app_address(url: str) -> bool:
    found = _APP.match(url)
    return found is not None and found[1].lower() not in _DANGEROUS


def _address(max_length: int, is_address: Any = _is_web_address) -> Reader:
    read = values.text(max_length, blank_is_null=True)

    def read_address(value: Any) -> str | None:
        found: str | None = read(value)
        if found is not None and (values.has_control_character(found) or not is_address(found)):
            raise fail("url_is_invalid")
        return found

    return read_address


def netsuite_account(value: Any) -> str | None:
    """Return the account as NetSuite's addresses spell it."""
    found = values.text(blank_is_null=True)(value)
    return None if found is None else str(found).lower().replace(" ", "-")


# Secrets are long at some providers; nothing but their size in a row limits them.
Secret = Annotated[str | None, PlainValidator(values.text(10_000, blank_is_null=True))]
RedirectUrl = Annotated[str | None, PlainValidator(_address(REDIRECT_URL_LENGTH))]
AppRedirectUrl = Annotated[
    str | None, PlainValidator(_address(REDIRECT_URL_LENGTH, _is_web_or_app_address))
]
Endpoint = Annotated[str | None, PlainValidator(_address(values.URL_LENGTH))]
NetsuiteAccount = Annotated[str | None, PlainValidator(netsuite_account)]


class ConnectionChange(Wish):
    """A wish to make or change one connection; its type never changes.

    `secrets` names the fields that are encrypted; `needed`, those without which the connection
    can't be used. They may be missing until then.
    """

    secrets: ClassVar[frozenset[str]] = frozenset()
    needed: ClassVar[frozenset[str]] = frozenset()

    code: Code = None
    name: Name = None

    def values(self) -> dict[str, Any]:
        """Return what is to be stored; null empties every setting and every secret."""
        sent = self.sent()
        return {name: sent[name] for name in sent if name not in ("code", "name") or sent[name]}


class StripeChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"secret_key", "webhook_secret"})
    needed: ClassVar[frozenset[str]] = frozenset({"secret_key"})

    secret_key: Secret = None
    webhook_secret: Secret = None
    success_redirect_url: RedirectUrl = None
    require_terms_of_service_consent: Boolean = None


class GocardlessChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"access_token", "webhook_secret"})
    needed: ClassVar[frozenset[str]] = frozenset({"access_token"})

    access_token: Secret = None
    webhook_secret: Secret = None
    success_redirect_url: RedirectUrl = None


class AdyenChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"api_key", "hmac_key"})
    needed: ClassVar[frozenset[str]] = frozenset({"api_key", "merchant_account"})

    api_key: Secret = None
    hmac_key: Secret = None
    merchant_account: BlankIsNull = None
    live_prefix: BlankIsNull = None
    success_redirect_url: AppRedirectUrl = None


class CashfreeChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"client_id", "client_secret"})
    needed: ClassVar[frozenset[str]] = frozenset({"client_id", "client_secret"})

    client_id: Secret = None
    client_secret: Secret = None
    success_redirect_url: RedirectUrl = None


class FlutterwaveChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"secret_key", "webhook_secret"})
    needed: ClassVar[frozenset[str]] = frozenset({"secret_key"})

    secret_key: Secret = None
    webhook_secret: Secret = None
    success_redirect_url: RedirectUrl = None


class MoneyhashChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"api_key", "signature_key"})
    needed: ClassVar[frozenset[str]] = frozenset({"api_key", "flow_id"})

    api_key: Secret = None
    signature_key: Secret = None
    flow_id: Annotated[str | None, long_text(FLOW_ID_LENGTH)] = None


class NetsuiteChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset(
        {"connection_id", "client_secret", "token_secret"}
    )
    needed: ClassVar[frozenset[str]] = frozenset(
        {"account_id", "client_id", "client_secret", "token_id", "token_secret"}
    )

    connection_id: Secret = None
    client_secret: Secret = None
    token_secret: Secret = None
    account_id: NetsuiteAccount = None
    client_id: BlankIsNull = None
    token_id: BlankIsNull = None
    script_endpoint_url: Endpoint = None


class XeroChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"connection_id"})
    needed: ClassVar[frozenset[str]] = frozenset({"connection_id"})

    connection_id: Secret = None


class AnrokChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"connection_id", "api_key"})

    connection_id: Secret = None
    api_key: Secret = None


class AvalaraChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"connection_id", "license_key"})

    connection_id: Secret = None
    license_key: Secret = None
    account_id: BlankIsNull = None
    company_code: BlankIsNull = None
    company_id: BlankIsNull = None


class HubspotChange(ConnectionChange):
    secrets: ClassVar[frozenset[str]] = frozenset({"connection_id"})

    connection_id: Secret = None
    default_targeted_object: Annotated[str | None, choice(("companies", "contacts"))] = None


class SalesforceChange(ConnectionChange):
    instance_id: BlankIsNull = None


PAYMENT_PROVIDERS: dict[str, type[ConnectionChange]] = {
    PaymentProvider.Type.STRIPE: StripeChange,
    PaymentProvider.Type.GOCARDLESS: GocardlessChange,
    PaymentProvider.Type.ADYEN: AdyenChange,
    PaymentProvider.Type.CASHFREE: CashfreeChange,
    PaymentProvider.Type.FLUTTERWAVE: FlutterwaveChange,
    PaymentProvider.Type.MONEYHASH: MoneyhashChange,
}
INTEGRATIONS: dict[str, type[ConnectionChange]] = {
    Integration.Type.NETSUITE: NetsuiteChange,
    Integration.Type.XERO: XeroChange,
    Integration.Type.ANROK: AnrokChange,
    Integration.Type.AVALARA: AvalaraChange,
    Integration.Type.HUBSPOT: HubspotChange,
    Integration.Type.SALESFORCE: SalesforceChange,
}
