"""Which column fills what: from a mapping file, a preset, or the names of the columns.

A mapping file and a preset are written alike:

    columns:
      Company: legal_name
      PO number: metadata.po
      Currency: {to: currency, read: upper}
      Internal: null              # left alone
    fixed:
      tax_codes: [vat_fr]
    values:
      country: {Deutschland: DE}
    blank: clear                  # or keep
    others: ignore                # or refuse: columns that nothing is said about
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from django.utils.translation import gettext as _

from billing.setup.document import Node, read_document
from billing.setup.problems import Place, SetupProblems, SetupRefused, guess
from customers.imports.names import known_target, normalized, suggest_target
from customers.imports.refusals import FileRefused
from customers.imports.targets import IDENTITY, READ_ONLY, TARGETS, kind_of

_PRESETS = Path(__file__).parent / "presets"
PRESETS = tuple(sorted(path.stem for path in _PRESETS.glob("*.yaml")))
_KEYS = frozenset({"preset", "columns", "fixed", "values", "blank", "others"})


class Blank(StrEnum):
    """What a blank cell means: leave the value alone, or clear it."""

    KEEP = "keep"
    CLEAR = "clear"


class Read(StrEnum):
    """What is done to a cell before the rules see it."""

    UPPER = "upper"  # eur -> EUR
    COUNTRY = "country"  # Germany -> DE
    CODES = "codes"  # [{"code": "vat"}] -> ["vat"]


@dataclass
class ColumnMap:
    """What becomes of each column of a header; columns that fill nothing are left out."""

    columns: dict[str, list[str]]
    fixed: dict[str, Any] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    blank: str = Blank.KEEP.value
    # The column of what newcomers keep from another system (`Identity`); no file has one.
    identity: str | None = None

    def dump(self) -> dict[str, Any]:
        """Return it as it is stored with an import."""
        return asdict(self)

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """Return what was stored."""
        return cls(**stored)

    def column_of(self, target: str) -> str:
        """Return the column that fills a path; the path itself where it is a fixed value."""
        names = [name for name, targets in self.columns.items() if target in targets]
        return names[0] if names else target


@dataclass
class _Rules:
    """A mapping file as it was read, each value with its line."""

    columns: dict[str, tuple[list[str], str | None, Place]] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    blank: str | None = None
    ignores_others: bool = False
    preset: str | None = None


def map_columns(
    header: Sequence[str],
    *,
    preset: str | None = None,
    document: str | None = None,
    blank: Blank | None = None,
) -> ColumnMap:
    """Return what becomes of the columns of a header.

    :param preset: the program that wrote the file; None goes by the names of the wire.
    :param document: the text of a mapping file, whose word counts before the preset's.
    :raises FileRefused: with a sentence a line for everything that is wrong.
    """
    problems = SetupProblems()
    own = _read_rules(document, problems) if document is not None else _Rules()
    base = _preset(preset or own.preset)
    _check_presence(own, header, problems)
    found = ColumnMap(
        {}, base.fixed | own.fixed, base.values | own.values, {},
        (blank or own.blank or base.blank or Blank.KEEP),
    )  # fmt: skip
    unknown = [name for name in header if not _place(name, own, base, found)]
    if unknown and not (own.ignores_others or base.ignores_others):
        for name in unknown:
            problems.add(Place("", 0), _unknown(name))
    _check_whole(found, problems)
    if problems:
        lines = [line.removeprefix("line 0: ") for line in problems.lines()]
        raise FileRefused("\n".join(lines))
    return found


def guess_columns(header: Sequence[str], preset: str | None = None) -> ColumnMap:
    """Return what the columns most likely fill; what nobody can guess is left alone."""
    base = _preset(preset)
    found = ColumnMap({}, dict(base.fixed), dict(base.values), {}, base.blank or Blank.KEEP.value)
    taken: set[str] = set()
    for name in header:
        if not _place(name, _Rules(), base, found) and not base.ignores_others:
            # Exactly, by some name: what is merely near would fill a wrong value unasked.
            target = known_target(name)
            if target is not None:
                found.columns[name] = [target]
        targets = [one for one in found.columns.pop(name, []) if one not in taken]
        if targets:
            found.columns[name] = targets
            taken.update(targets)
    for target, how in READ_BY_ITSELF.items():
        if target in taken:
            found.read.setdefault(target, how)
    return found


def guess_preset(header: Sequence[str]) -> str | None:
    """Return the program whose export has these columns; None if that is anybody's guess."""
    names = {normalized(name) for name in header}
    scores = {preset: _likeness(names, _preset(preset)) for preset in PRESETS}
    best = max(scores, key=lambda one: scores[one])
    return best if scores[best] > _LIKENESS else None


def _likeness(names: set[str], rules: _Rules) -> float:
    """Return how many of the columns that a preset says something about are there, of one."""
    known = {normalized(name) for name in rules.columns if "*" not in name}
    return len(known & names) / len(known) if known else 0.0


def preset_columns(preset: str) -> dict[str, list[str]]:
    """Return the columns of a program's export, each with what it fills."""
    rules = _preset(preset)
    return {name: rule[0] for name, rule in rules.columns.items() if "*" not in name}


def problems_of(found: ColumnMap) -> list[str]:
    """Return what is wrong with the columns taken together, in sentences."""
    problems = SetupProblems()
    _check_whole(found, problems)
    return [line.removeprefix("line 0: ") for line in problems.lines()]


_LIKENESS = 0.6
# Codes that people write as they like, and that can be told all the same.
READ_BY_ITSELF = {
    "country": Read.COUNTRY.value,
    "shipping_address.country": Read.COUNTRY.value,
    "currency": Read.UPPER.value,
}


def _place(name: str, own: _Rules, base: _Rules, found: ColumnMap) -> bool:
    """Note what becomes of one column; return whether anything is said about it."""
    rule = _rule(name, own) or _rule(name, base)
    if rule is None:
        target = name if kind_of(name) else name.strip().lower()
        if kind_of(target) is None:
            return target in READ_ONLY
        rule = ([target], None, Place("", 0))
    targets, read, _place_of_rule = rule
    if targets:
        found.columns[name] = targets
    if read:
        found.read |= dict.fromkeys(targets, read)
    return True


def _rule(name: str, rules: _Rules) -> tuple[list[str], str | None, Place] | None:
    if name in rules.columns:
        return rules.columns[name]
    normal = normalized(name)
    same = (rule for column, rule in rules.columns.items() if normalized(column) == normal)
    return next(same, None) or _metadata_rule(name, rules)


def _metadata_rule(name: str, rules: _Rules) -> tuple[list[str], str | None, Place] | None:
    """Return what becomes of a column such as `Region (metadata)`, where a preset knows those."""
    suffix = " (metadata)"
    if "* (metadata)" not in rules.columns or not name.endswith(suffix):
        return None
    target = f"metadata.{name.removesuffix(suffix)}"
    return ([target] if kind_of(target) else [], None, Place("", 0))


# --- Sentences ---------------------------------------------------------------------------------


def _unknown(name: str) -> str:
    words = _("The column “%s” is not known.") % name
    meant = suggest_target(name)
    if meant:
        words += " " + _("Did you mean %s?") % meant
    return f"{words} " + _("Rename it, or say in a mapping file what it fills (null: nothing).")


def _check_presence(own: _Rules, header: Sequence[str], problems: SetupProblems) -> None:
    """Note the columns that a mapping file names and the file lacks."""
    names = {normalized(name): name for name in header}
    for column, (_targets, _read, place) in own.columns.items():
        if column not in header and normalized(column) not in names:
            problems.add(
                place, _("The file has no column “%s”.") % column + guess(column, list(header))
            )


def _check_whole(found: ColumnMap, problems: SetupProblems) -> None:
    """Note what is wrong with the columns taken together."""
    by_target: dict[str, str] = {}
    for name, targets in found.columns.items():
        for target in targets:
            if target in by_target:
                problems.add(
                    Place("", 0),
                    _("The columns “%(one)s” and “%(other)s” both fill %(target)s. Leave one out.")
                    % {"one": by_target[target], "other": name, "target": target},
                )
            by_target[target] = name
    if IDENTITY not in by_target:
        problems.add(
            Place("", 0),
            _("No column fills external_id, by which customers are told apart. Name a column so, "
              "or say in a mapping file which one it is."),
        )  # fmt: skip
    if "metadata" in by_target and any(one.startswith("metadata.") for one in by_target):
        problems.add(
            Place("", 0),
            _("One column fills all metadata and others fill single entries. Leave out the one "
              "or the others."),
        )  # fmt: skip


# --- Reading -----------------------------------------------------------------------------------


def _preset(name: str | None) -> _Rules:
    if name is None:
        return _Rules()
    problems = SetupProblems()
    rules = _read_rules((_PRESETS / f"{name}.yaml").read_text(), problems)
    if problems:
        raise ValueError(f"the preset {name} is wrong: {problems.lines()}")
    return rules


def _read_rules(text: str, problems: SetupProblems) -> _Rules:
    try:
        root = read_document(text, problems)
    except SetupRefused:
        return _Rules()
    if not isinstance(root.value, dict):
        problems.add(root.place, _("A mapping file holds keys such as columns and fixed."))
        return _Rules()
    for key, node in root.value.items():
        if key not in _KEYS:
            problems.add(node.place, _("There is no key %s here.") % key + guess(key, _KEYS))
    _refuse_environment(root, problems)
    others = _word(root, "others", ("ignore", "refuse"), problems)
    return _Rules(
        dict(_columns(root.value.get("columns"), problems)),
        dict(_fixed(root.value.get("fixed"), problems)),
        dict(_values(root.value.get("values"), problems)),
        _word(root, "blank", tuple(Blank), problems),
        others == "ignore",
        _word(root, "preset", PRESETS, problems),
    )


def _refuse_environment(node: Node, problems: SetupProblems) -> None:
    """Note values that would come from the environment: secrets are no customer's business."""
    if node.hidden:
        problems.add(node.place, _("Values of the environment are not read here."))
    inner = node.value.values() if isinstance(node.value, dict) else node.value
    for part in inner if isinstance(node.value, dict | list) else ():
        _refuse_environment(part, problems)


def _items(node: Node | None, problems: SetupProblems) -> Iterable[tuple[str, Node]]:
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, dict):
        problems.add(node.place, _("Keys and values are needed here."))
        return ()
    return node.value.items()


def _columns(
    node: Node | None, problems: SetupProblems
) -> Iterable[tuple[str, tuple[list[str], str | None, Place]]]:
    for name, value in _items(node, problems):
        if isinstance(value.value, dict):
            read = _word(value, "read", tuple(Read), problems)
            given = value.value.get("to", Node(None, value.place)).plain()
        else:
            read, given = None, value.plain()
        targets = given if isinstance(given, list) else [given] if given is not None else []
        for target in targets:
            _check_target(target, value.place, problems)
        yield name, (targets, read, value.place)


def _check_target(target: Any, place: Place, problems: SetupProblems) -> None:
    if not isinstance(target, str) or kind_of(target) is None:
        problems.add(
            place, _("A customer has no %s that can be written.") % target + guess(str(target),
                                                                                  TARGETS)
        )  # fmt: skip


def _fixed(node: Node | None, problems: SetupProblems) -> Iterable[tuple[str, Any]]:
    for target, value in _items(node, problems):
        _check_target(target, value.place, problems)
        if target == IDENTITY:
            problems.add(value.place, _("Customers can't all have the same external_id."))
        plain = value.plain()
        yield target, str(plain) if isinstance(plain, str) else plain


def _values(node: Node | None, problems: SetupProblems) -> Iterable[tuple[str, dict[str, str]]]:
    for target, table in _items(node, problems):
        _check_target(target, table.place, problems)
        yield target, {old: str(new.plain() or "") for old, new in _items(table, problems)}


def _word(node: Node, key: str, words: Sequence[str], problems: SetupProblems) -> str | None:
    found = node.get(key)
    if found is None:
        return None
    if found not in words:
        problems.add(node.value[key].place, _("Use one of: %s.") % ", ".join(words))
        return None
    return str(found)
