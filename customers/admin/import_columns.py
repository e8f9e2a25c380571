"""Saying what the columns of a file fill."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.staff.numbers import whole_number
from customers.admin.import_rows import cell_text
from customers.imports.mapping import (
    PRESETS,
    READ_BY_ITSELF,
    Blank,
    ColumnMap,
    guess_columns,
    guess_preset,
)
from customers.imports.targets import IDENTITY, NOTE, TARGETS, Kind, join_list, kind_of, split_list
from customers.intakes import MAPPING_NAME_LENGTH, Import, SavedMapping
from customers.models import METADATA_KEY_LENGTH
from customers.words import label

_SAMPLES = 3
_LOOKED_AT = 50
_BLANK_FIXED = 2
BRANDS: Mapping[str, str | Promise] = {
    "tarn": lazy("Tarn"),
    "lago": "Lago",
    "stripe": "Stripe",
    "chargebee": "Chargebee",
    "recurly": "Recurly",
    "quickbooks": "QuickBooks",
}
_GROUPS: Sequence[tuple[str | Promise, Sequence[str]]] = (
    (lazy("Who it is"), ("external_id", "legal_name", "name", "firstname", "lastname",
                         "customer_type", "account_type", "email", "phone", "url", "logo_url")),
    (lazy("Address"), ("country", "address_line1", "address_line2", "zipcode", "city", "state")),
    (lazy("Terms and tax"), ("tax_identification_number", "legal_number", "currency",
                             "net_payment_term", "tax_codes", "billing_entity_code", "timezone")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A column of the file: its name, what stands in its first cells, and what it fills."""

    place: int
    name: str
    samples: Sequence[str]
    fills: str
    choices: Sequence[tuple[str, Sequence[tuple[str, str]]]]


def sources(organization_id: UUID) -> list[tuple[str, str]]:
    """Return what a mapping can be taken from, by name."""
    saved = SavedMapping.objects.filter(organization=organization_id).order_by("name")
    return [
        ("guess", _("The names of the columns")),
        *((f"saved:{one.pk}", one.name) for one in saved),
        *((preset, str(BRANDS.get(preset, preset))) for preset in PRESETS),
    ]


def find_columns(intake: Import, source: str) -> tuple[str, ColumnMap]:
    """Return what the columns fill by a source, and which source that was.

    :param source: one of `sources`; anything else takes what was said before, or what fits best.
    """
    if source == "guess":
        return source, guess_columns(intake.header)
    if source in PRESETS:
        return source, guess_columns(intake.header, source)
    saved = SavedMapping.objects.filter(organization=intake.organization_id).order_by("-saved_at")
    if source.startswith("saved:"):
        found = saved.filter(pk=whole_number(source.removeprefix("saved:")) or 0).first()
        if found is not None:
            return source, _fitted(found, intake.header)
    if intake.mapping:
        return "", ColumnMap.load(intake.mapping)
    return _best(intake.header, saved[:100])


def _best(header: Sequence[str], saved: Iterable[SavedMapping]) -> tuple[str, ColumnMap]:
    """Return a saved mapping that was made for such columns, else the program they look like."""
    for one in saved:
        if one.mapping["columns"] and set(one.mapping["columns"]) <= set(header):
            return f"saved:{one.pk}", _fitted(one, header)
    preset = guess_preset(header)
    return preset or "guess", guess_columns(header, preset)


def _fitted(saved: SavedMapping, header: Sequence[str]) -> ColumnMap:
    """Return the part of a saved mapping that this file has columns for."""
    found = ColumnMap.load(saved.mapping)
    found.columns = {name: found.columns[name] for name in header if name in found.columns}
    return found


# --- The form ----------------------------------------------------------------------------------


def lines(intake: Import, columns: ColumnMap) -> list[Line]:
    """Return the columns of the file with what can be chosen for each."""
    rows = list(intake.rows.filter(flaws__isnull=True).order_by("number")[:_LOOKED_AT])
    return [
        Line(
            place,
            name,
            _distinct(cell_text(intake, row, name) for row in rows),
            ",".join(columns.columns.get(name, ())),
            _choices(name, columns.columns.get(name, ())),
        )
        for place, name in enumerate(intake.header)
    ]


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))[:_SAMPLES]


def _choices(
    name: str, chosen: Sequence[str]
) -> list[tuple[str, list[tuple[str, str]]]]:  # fmt: skip
    """Return the groups of what a column can fill, what it fills now among them."""
    entry = f"{NOTE}{name[:METADATA_KEY_LENGTH].strip()}"
    more = [(entry, _("Metadata entry “%(key)s”") % {"key": entry.removeprefix(NOTE)})]
    groups = _grouped()
    known = {value for _title, options in groups for value, _label in options}
    current = ",".join(chosen)
    if current and current not in {*known, entry}:
        more.append((current, " + ".join(target_label(one) for one in chosen)))
    return [(_("Metadata"), more), *groups]


def _grouped(*, is_fixed: bool = False) -> list[tuple[str, list[tuple[str, str]]]]:
    named = {target for _title, targets in _GROUPS for target in targets}
    shipping = [one for one in TARGETS if one.startswith("shipping_address.")]
    rest = [one for one in TARGETS if one not in named and one not in shipping]
    found = [*_GROUPS, (lazy("Shipping address"), shipping), (lazy("More"), rest)]
    return [
        (str(title), [(one, target_label(one)) for one in targets if _fits(one, is_fixed)])
        for title, targets in found
    ]


def _fits(target: str, is_fixed: bool) -> bool:
    """Return whether the target can be chosen; not everybody can have the same id."""
    return not is_fixed or (target != IDENTITY and TARGETS[target] in (Kind.TEXT, Kind.LIST))


def target_label(target: str) -> str:
    """Return what people call what a column fills."""
    if target.startswith(NOTE):
        return _("Metadata entry “%(key)s”") % {"key": target.removeprefix(NOTE)}
    return label(target)


def fixed_lines(columns: ColumnMap) -> list[tuple[str, str]]:
    """Return the values that are the same for all, and some lines for more."""
    found = [
        (target, join_list(value) if isinstance(value, list) else str(value))
        for target, value in columns.fixed.items()
    ]
    return [*found, *[("", "")] * _BLANK_FIXED]


def fixed_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the groups of what can be the same for all."""
    return _grouped(is_fixed=True)


def replacements(columns: ColumnMap) -> list[tuple[str, str, str, str]]:
    """Return the texts that mean another one: a key, the field, the text, what it means."""
    return [
        (f"{target}\n{old}", target_label(target), old, new)
        for target, table in columns.values.items()
        for old, new in table.items()
    ]


def read_columns(sent: QueryDict, header: Sequence[str], base: ColumnMap) -> ColumnMap:
    """Return what somebody said in the form.

    :param base: where the texts that mean another one come from, and how cells are read.
    """
    found = ColumnMap({}, _fixed(sent), {}, {}, _blank(sent))
    for place, name in enumerate(header):
        targets = [one for one in sent.get(f"column-{place}", "").split(",") if kind_of(one)]
        if targets:
            found.columns[name] = targets
    filled = {target for targets in found.columns.values() for target in targets}
    dropped = set(sent.getlist("drop"))
    for target, table in base.values.items():
        kept = {old: new for old, new in table.items() if f"{target}\n{old}" not in dropped}
        if target in filled and kept:
            found.values[target] = kept
    found.read = {
        target: how for target, how in {**READ_BY_ITSELF, **base.read}.items() if target in filled
    }
    return found


def _fixed(sent: QueryDict) -> dict[str, Any]:
    offered = {target for _title, options in fixed_choices() for target, _label in options}
    pairs = zip(sent.getlist("fixed-target"), sent.getlist("fixed-value"), strict=False)
    return {
        target: split_list(text) if TARGETS[target] == Kind.LIST else text
        for target, given in pairs
        if target in offered and (text := given.replace("\0", "").strip())
    }


def _blank(sent: QueryDict) -> str:
    return Blank.CLEAR.value if sent.get("blank") == Blank.CLEAR else Blank.KEEP.value


def problems_with_fixed(columns: ColumnMap) -> list[str]:
    """Return a sentence for each value that comes from a column and is fixed as well."""
    filled = {target for targets in columns.columns.values() for target in targets}
    return [
        _("%(field)s comes from a column and is the same for all. Choose one of the two.")
        % {"field": target_label(target)}
        for target in columns.fixed
        if target in filled
    ]


def save_mapping(intake: Import, columns: ColumnMap, name: str, who: str) -> bool:
    """Keep what the columns fill for the next file, and return whether there was a name for it.

    A mapping of the same name is replaced.
    """
    plain = " ".join(name.replace("\0", "").split())[:MAPPING_NAME_LENGTH]
    if not plain:
        return False
    mine = SavedMapping.objects.filter(organization=intake.organization_id)
    same = mine.filter(name__iexact=plain).first()
    saved = same or SavedMapping(organization_id=intake.organization_id)
    saved.name, saved.mapping, saved.saved_by = plain, columns.dump(), who
    saved.saved_at = timezone.now()
    saved.save()
    return True
