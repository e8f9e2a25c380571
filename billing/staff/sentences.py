"""The catalogue that turns the codes of refusals into sentences for people."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

_OF_FIELD = {
    ("currency", "value_is_invalid"): _(
        "“{value}” is not a currency code. Use three capitals: EUR."
    ),
    ("email", "invalid_email_format"): _(
        "“{value}” holds something that is not an e-mail address. Separate several with commas."
    ),
    ("email", "value_already_exist"): _(
        "“{value}” works here already. Change their role in the list of staff."
    ),
    ("expires_at", "value_is_invalid"): _(
        "“{value}” is no time. Write it like 2030-01-31T00:00:00Z."
    ),
    ("external_id", "value_is_invalid"): _(
        "“{value}” holds characters that nobody can see. Use others."
    ),
    ("metadata", "invalid_count"): _("A customer has at most five notes. Clear one first."),
    ("metadata_key", "value_already_exist"): _(
        "“{value}” stands here twice. Each name counts once."
    ),
    ("net_payment_term", "value_is_invalid"): _(
        "“{value}” is not a number of days. Use digits: 30."
    ),
    ("invoice_grace_period", "value_is_invalid"): _(
        "“{value}” is not a number of days. Use digits: 3."
    ),
    ("rate", "value_is_invalid"): _(
        "“{value}” is not a percentage. Use digits and a point, with at most eight decimals: 5.5."
    ),
    ("rate", "value_is_out_of_range"): _("“{value}” is outside of 0 to 1000 per cent."),
    ("permissions", "value_is_invalid"): _(
        "These are no permissions. Write them like {customer: [read, write], tax: [read]}; without"
        " any a key may do everything."
    ),
    ("provider_customer_id", "value_is_invalid"): _(
        "“{value}” is too long or looks like a card number. Enter the provider's customer id."
    ),
    ("provider_payment_methods", "value_is_invalid"): _("Link works only together with Card."),
    ("role", "value_is_invalid"): _(
        "“{value}” is no role: these are viewer, auditor, finance, finance_lead and operator."
    ),
    ("slug", "value_is_invalid"): _(
        "“{value}” can't be a code. Use 3 to 40 of a to z, digits, and hyphens in between."
    ),
    ("slug", "value_is_too_short"): _(
        "“{value}” is too short for a code. Use 3 to 40 of a to z, digits, and hyphens in between."
    ),
    ("webhook_url", "url_is_invalid"): _(
        "“{value}” can't be called from here. Use a public https address."
    ),
}
_OF_CODE = {
    "value_is_mandatory": _("This can't be empty."),
    "value_is_invalid": _("“{value}” can't be used here."),
    "invalid_value": _("“{value}” can't be used here."),
    "unsupported_value": _("“{value}” can't be used here."),
    "value_is_too_long": _("This is too long. Shorten it; nothing was cut off."),
    "value_is_too_short": _("This is too short."),
    "value_is_out_of_range": _("“{value}” is outside of 0 to 2,147,483,647."),
    "value_is_reserved": _("“{value}” is reserved. Use another one."),
    "value_already_exist": _("“{value}” is taken. Use another one."),
    "not_a_valid_country_code": _("“{value}” is not a country code. Use two letters: FR."),
    "not_a_valid_language_code": _("Documents can't be written in “{value}”."),
    "invalid_timezone": _("“{value}” is not a time zone."),
    "invalid_email_format": _("“{value}” is not an e-mail address."),
    "url_is_invalid": _("“{value}” is not a web address."),
    "invalid_count": _("These are too many."),
    "skip_sections_and_selected_ids_sent_together": _(
        "Either no sections are printed or these are: choose one of the two."
    ),
    "payment_provider_not_found": _("This connection is gone. Choose another one."),
    "payment_provider_code_missing": _("There are several connections. Choose one."),
    "customer_balance cannot be combined with other payment methods": _(
        "Customer balance can't be combined with other payment methods."
    ),
    "exceeded_limit": _("There are as many as there may be. Delete one first."),
    "billing_entity_not_found": _("This billing entity is gone or archived. Choose another one."),
    "tax_not_found": _("One of these taxes is gone. Choose again."),
    "billing_entity_must_be_in_eu": _("Only an issuer in a member state of the EU can have this."),
    "country_must_be_present": _("Choose the country first: France or Germany."),
    "country_not_supported": _("Only an issuer in France or Germany can have this."),
    "default_cannot_be_archived": _("The default can't be archived."),
    "must_be_array": _("A list is needed here."),
    "invalid_content_type": _("Use a PNG or a JPEG image."),
    "file_too_large": _("This is larger than 700 kB."),
    "last_non_expiring_api_key": _("This is the last key without an end. Make another one first."),
    "delivery_succeeded": _("The receiver has taken this. Send it once more instead."),
    "body_is_gone": _("The body is no longer kept, so this can't be sent again."),
    "api_key_has_ended": _("This key has ended."),
    "no_permission": _("Tick at least one box, or let it do everything."),
    "no_event": _(
        "Tick at least one kind, or tell it everything. To tell it nothing for a while, pause it."
    ),
    "last_keeper_of_staff": _(
        "Nobody else here may set up staff. Give another person such a role first: finance lead "
        "or operator."
    ),
    "own_role": _("Nobody changes or removes themselves. Ask a colleague who may set up staff."),
    "role_above_own": _(
        "This role may do more than you may. Ask somebody who has it, or whoever runs this server."
    ),
    "connection_has_customers": _(
        "Customers are linked to this connection. Link them to another one first; nothing was "
        "deleted."
    ),
    "not_in_change": _("This change did not touch {value}. Choose a field that it changed."),
    "cannot_be_put_back": _(
        "{value} can't be put back: what the old value names is gone. Nothing was changed."
    ),
    "would_change_too": _(
        "{value} would change with it. Agree below and try again; nothing was changed yet."
    ),
    "changed_since": _(
        "{value} was changed again after that. Choose below whether to put it back all the same;"
        " nothing was changed yet."
    ),
    "change_is_no_update": _(
        "Only edits can be taken back. A customer that was created can be deleted, one that was"
        " deleted can be restored."
    ),
    "reason_is_missing": _("Say why you refuse something. The customer reads it."),
    "proposal_is_settled": _(
        "This proposal is settled already: a colleague was faster, or the customer took it back or "
        "sent a new one. Nothing was changed now."
    ),
    "customer_not_deleted": _("This customer is not deleted. There is nothing to restore."),
    "customer_not_found": _("This customer is deleted. Restore it first."),
    "change_not_found": _("There is no such change of this customer."),
    "import_is_running": _(
        "Another import is at work here. Wait for its end; nothing is lost, nothing was changed."
    ),
    "import_was_undone": _("This import was taken back. Use its file again to begin anew."),
    "import_is_not_checked": _("The preview is not there any more. Look again."),
    "import_has_begun": _("This import has begun. Take it back instead of throwing it away."),
    "import_is_empty": _("The rows of this import were deleted. Send the file again."),
    "row_cannot_be_mended": _(
        "The cells of this row are out of place. Mend the row in the file and send that again."
    ),
    "not_compared": _(
        "What the other side has is not known any more. Compare again, then choose; nothing was "
        "changed."
    ),
    "mirror_is_busy": _("This is being sent right now. Try again in a minute; nothing is lost."),
    "nothing_to_do": _("Nothing waits here. There is nothing to try again."),
    "changed_meanwhile": _(
        "Somebody changed this customer while you looked. Look again; nothing was deleted."
    ),
}

_ACRONYMS = {"api": "API", "jwt": "JWT", "url": "URL", "vies": "VIES"}


def sentence(field: str, code: str, value: Any = None) -> str:
    """Return what happened to which value and what to do, for the code of a refusal."""
    words = _OF_FIELD.get((field, code)) or _OF_CODE.get(code)
    if words is None:
        return gettext("This was refused ({code}). Nothing was saved.").format(code=code)
    return str(words).replace("{value}", "" if value is None else str(value))


def in_words(name: str) -> str:
    """Return a name of the wire as people write it: near enough where nobody wrote words for it."""
    spoken = name.replace("_", " ").replace(".", ": ").capitalize()
    return " ".join(_ACRONYMS.get(word.lower(), word) for word in spoken.split())
