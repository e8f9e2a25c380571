"""The link to a payment provider (contract: customers.md 2.7)."""

from typing import Any

from billing.models import PaymentProvider
from customers.models import ProviderLink
from customers.write.case import Case

_KEYS = (
    "payment_provider",
    "payment_provider_code",
    "provider_customer_id",
    "sync",
    "sync_with_provider",
    "provider_payment_methods",
)
_STRIPE = PaymentProvider.Type.STRIPE
_DEFAULT_METHODS = [ProviderLink.PaymentMethod.CARD.value]


def decide_provider(case: Case) -> None:
    """Decide which connection the customer is linked to, and what is kept of the old link."""
    sent, old = case.sent["provider"], _stored(case)
    kind = sent.get("payment_provider", old.get("payment_provider"))
    new: dict[str, Any] = {}
    if kind is not None:
        candidates = _candidates(case, old, kind)
        _judge(case, kind, len(candidates))
        if len(candidates) != 1:
            return
        [(code, connection)] = candidates.items()
        new = _wanted(sent, old, kind, code)
    if not case.compare_all("billing_configuration.", old, new or dict.fromkeys(old)):
        return
    if new:
        case.rows["put_provider"] = [{**new, "connection": connection}]
    else:
        case.rows["remove_provider"] = [{}]


def _stored(case: Case) -> dict[str, Any]:
    """Return the link as it is, by the keys of the wire; {} if there is none."""
    configuration = case.form["billing_configuration"]
    if configuration.get("payment_provider") is None:
        return {}
    # The form shows methods for Stripe only; elsewhere there are none.
    return {
        "provider_payment_methods": [],
        **{k: configuration[k] for k in _KEYS if k in configuration},
    }


def _candidates(case: Case, old: dict[str, Any], kind: str) -> dict[str, str]:
    """Return the connections that the wish can mean, codes to ids."""
    known, code = case.looked.providers.get(kind, {}), case.sent["provider"].get("code")
    if code is not None:
        return {code: known[code]} if code in known else {}
    if case.stored and old.get("payment_provider") == kind:
        return {old["payment_provider_code"]: case.stored["connection"]}
    return known


def _judge(case: Case, kind: str, candidates: int) -> None:
    sent, problems = case.sent["provider"], case.problems
    # A code that could not be read says nothing about the connection it names.
    if candidates != 1 and "payment_provider_code" not in problems.by_field:
        problems.add(
            "base", "payment_provider_code_missing" if candidates else "payment_provider_not_found"
        )
    if "card" in sent:
        problems.add("provider_customer_id", "value_is_invalid")
    refused = sent.get("refused_methods")
    if kind == _STRIPE and refused:
        # The one key under which a code may stand twice.
        problems.by_field.setdefault("provider_payment_methods", []).extend(refused)


def _wanted(sent: dict[str, Any], old: dict[str, Any], kind: str, code: str) -> dict[str, Any]:
    kept = old if old.get("payment_provider") == kind else {}
    remote = kept.get("provider_customer_id") if old.get("payment_provider_code") == code else None
    methods = sent.get("methods") or kept.get("provider_payment_methods") or _DEFAULT_METHODS
    return {
        "payment_provider": kind,
        "payment_provider_code": code,
        "provider_customer_id": sent.get("provider_customer_id", remote),
        "sync": sent.get("sync", kept.get("sync", False)),
        "sync_with_provider": sent.get("sync_with_provider", kept.get("sync_with_provider", False)),
        "provider_payment_methods": methods if kind == _STRIPE else [],
    }
