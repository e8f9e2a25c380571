"""Bulk work in words for people: what was asked for, and why somebody was left out."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from billing.staff.sentences import sentence
from customers.batches import Batch
from customers.bulk.edit import Edit, Setting
from customers.bulk.steps import Why
from customers.words import Names, label, read_names, shown

_WHYS: Mapping[str, str | Promise] = {
    "customer_not_found": lazy("This customer has been deleted."),
    "external_id_taken": lazy(
        "Another customer has the external id now. Delete that one or change nothing here."
    ),
    "billing_entity_not_found": lazy("The billing entity is gone or archived. Choose another one."),
    "tax_not_found": lazy("One of the taxes is gone. Choose again."),
    "stale": lazy("Somebody changed this customer at that moment. Try it again."),
}
_FOLLOWS: Mapping[str, str | Promise] = {
    "net_payment_term": lazy("As the billing entity"),
    "currency": lazy("None of its own"),
}


def title(batch: Batch) -> str:
    """Return what the batch is, with the number of its customers."""
    if batch.kind == Batch.Kind.DELETE:
        return ngettext("Delete %(count)s customer", "Delete %(count)s customers", batch.total) % {
            "count": batch.total
        }
    if batch.kind == Batch.Kind.RESTORE:
        words = ngettext("Restore %(count)s customer", "Restore %(count)s customers", batch.total)
    elif batch.kind == Batch.Kind.UNDO:
        words = ngettext("Undo for %(count)s customer", "Undo for %(count)s customers", batch.total)
    elif batch.kind == Batch.Kind.IMPORT:
        words = ngettext("Import %(count)s customer", "Import %(count)s customers", batch.total)
    else:
        words = ngettext("Change %(count)s customer", "Change %(count)s customers", batch.total)
    return words % {"count": batch.total}


def wish_lines(batch: Batch) -> list[tuple[str, str]]:
    """Return what an edit asks for, as pairs of a field and words."""
    if batch.kind != Batch.Kind.EDIT:
        return []
    edit = Edit.read(batch.wish)
    codes = [(path, _codes(edit, path)) for path in ("billing_entity_code", "tax_codes")]
    names = read_names(batch.organization_id, codes)
    return [
        (label(path), _wanted(path, getattr(edit, path), names))
        for path in type(edit).model_fields
        if path in edit.paths
    ]


def why_words(why: Why) -> str:
    """Return why a customer was left out, in a sentence."""
    code = why["code"]
    if code == "changed_since_preview":
        return _("%(by)s changed this at %(at)s, after the preview: %(what)s.") % _change(why)
    if code == "changed_since":
        return _("%(by)s has changed this since, at %(at)s: %(what)s. It stays.") % _change(why)
    if code == "refused":
        return " ".join(_problems(why["problems"]))
    if code in ("cannot_be_put_back", "would_change_too"):
        return _("%(what)s can't be put back: what it names is gone.") % {
            "what": _fields(why["paths"])
        }
    return str(_WHYS[code]) if code in _WHYS else sentence("base", code)


def _codes(edit: Edit, path: str) -> Any:
    wanted = getattr(edit, path)
    if wanted is None:
        return None
    return wanted.to if isinstance(wanted, Setting) else wanted.codes


def _wanted(path: str, wanted: Any, names: Names) -> str:
    if isinstance(wanted, Setting):
        return ", ".join(shown(path, wanted.to, names)) or str(_FOLLOWS[path])
    if path == "metadata":
        pattern = _("remove “%(key)s”") if wanted.how == "remove" else "%(key)s: %(value)s"
        return pattern % {"key": wanted.key, "value": wanted.value}
    what = ", ".join(shown(path, wanted.codes, names)) or _("none of their own")
    patterns = {"set": "%(what)s", "add": _("add %(what)s"), "remove": _("remove %(what)s")}
    return patterns[wanted.how] % {"what": what}


def _change(why: Why) -> dict[str, str]:
    at = timezone.localtime(datetime.fromisoformat(why["at"]))
    return {
        "by": why["by"],
        "at": date_format(at, "DATETIME_FORMAT"),
        "what": _fields(why["paths"]) or _("deleted or restored"),
    }


def _fields(paths: Iterable[str]) -> str:
    return ", ".join(label(path) for path in paths)


def _problems(problems: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{label(field)}: {sentence(field, code)}"
        for field, codes in problems.items()
        for code in codes
    ]
