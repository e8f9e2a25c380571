"""The names of events a webhook endpoint can ask for (contract: webhooks-and-providers.md 1.5)."""

SENT = frozenset(
    {
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.vies_check",
        "customer.payment_provider_created",
        "customer.payment_provider_error",
        "customer.checkout_url_generated",
        "customer.accounting_provider_created",
        "customer.accounting_provider_error",
        "customer.tax_provider_error",
    }
)

# Sent only to endpoints that name it.
NAMED_ONLY = frozenset({"customer.deleted"})

# Kept for clients that already ask for them; nothing sends them yet.
_ACCEPTED = {
    "customer": "crm_provider_created crm_provider_error",
    "alert": "triggered",
    "billable_metric": "created updated deleted",
    "credit_note": "created generated provider_refund_failure",
    "dunning_campaign": "finished",
    "event": "error",
    "events": "errors",
    "feature": "created updated deleted",
    "fee": "created tax_provider_error",
    "integration": "provider_error",
    "invoice": "created one_off_created paid_credit_added drafted ready_to_finalize generated "
    "voided deleted payment_dispute_lost payment_status_updated payment_overdue payment_failure "
    "resynced",
    "payment": "succeeded requires_action",
    "payment_provider": "error",
    "payment_receipt": "created generated",
    "payment_request": "created payment_failure payment_status_updated",
    "plan": "created updated deleted",
    "subscription": "started updated terminated canceled incomplete termination_alert "
    "trial_ended usage_threshold_reached",
    "wallet": "created updated terminated depleted_ongoing_balance",
    "wallet_transaction": "created updated payment_failure",
}
EVENT_NAMES = SENT | {
    f"{subject}.{what}" for subject, whats in _ACCEPTED.items() for what in whats.split()
}

NAME_LENGTH = 64
_OPEN_SUBJECTS = ("order.", "order_form.", "quote.")


def is_event_name(name: str) -> bool:
    """Return whether an endpoint may ask for events of this name."""
    return name in EVENT_NAMES or (name.startswith(_OPEN_SUBJECTS) and len(name) <= NAME_LENGTH)
