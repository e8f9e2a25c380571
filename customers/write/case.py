"""One wish beside what is stored: what differs, what forbids it, and what is to be put."""

from collections.abc import Iterable, Mapping
from typing import Any

from billing.errors import Invalid, NotFound, Problems, Refusal, Stale
from customers.change import CONFIGURATION
from customers.write.look import Looked

# What a newcomer has.
_NOTHING: dict[str, Any] = {
    "shipping_address": {},
    "billing_configuration": {},
    "metadata": [],
    "taxes": [],
    "integration_customers": [],
}
# Of these, more follows in the JSON form than the value at their own path.
_FAR_REACHING = frozenset(
    {
        "billing_entity_code",
        "timezone",
        "skip_invoice_custom_sections",
        "invoice_custom_section_codes",
        "tax_codes",
        "integration_customers",
    }
)


class Case:
    """A wish as it is being decided: rules read what is sent and stored, and note the rest.

    :param sent: the wish, as `CustomerChange.row` has it.
    :param shape: the problems that the wish has by itself.
    """

    def __init__(self, sent: Mapping[str, Any], shape: Problems, looked: Looked) -> None:
        self.sent = sent
        self.looked = looked
        self.stored = looked.customers.get(sent["external_id"])
        # The customer's JSON form: as it is, and once it is written as it became.
        self.form: dict[str, Any] = self.stored["form"] if self.stored else _NOTHING
        self.now = (self.stored["id"], self.stored["version"]) if self.stored else None

        # Wire paths to old and new, as the change record has them.
        self.changes: dict[str, list[Any]] = {}
        # The customer's own columns to write.
        self.fields: dict[str, Any] = {}
        # What else to write: names of blocks (`put_taxes`, `remove_taxes`) to their rows.
        self.rows: dict[str, list[dict[str, Any]]] = {}
        # The ids of what the customer comes to point to.
        self.links: set[str] = set()
        # What a newcomer brings along in place of what it would be given.
        self.identity: dict[str, Any] | None = None
        self.problems = shape.copy()
        self.missing: set[str] = set()
        # What is wrong, once all is decided.
        self.refused: Refusal | None = None

    def compare(self, path: str, old: Any, new: Any) -> bool:
        """Note the change of a value, and return whether there is one."""
        if old == new:
            return False
        self.changes[path] = [old, new]
        return True

    def compare_all(
        self, prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Note the changes of values whose paths begin so, and return the new ones of them."""
        differing = {}
        for name, value in new.items():
            before = old.get(name)
            if before != value:
                differing[name] = value
                self.changes[prefix + name] = [before, value]
        return differing

    def link(self, ids: Iterable[str]) -> None:
        """Note that the customer comes to point to these."""
        self.links.update(ids)

    def refusal(self) -> Refusal | None:
        """Return what is wrong; of several kinds the first (customers.md 1.2)."""
        if self.problems:
            return Invalid(self.problems.by_field)
        for resource in ("billing_entity", "tax"):
            if resource in self.missing:
                return NotFound(resource)
        if self._is_expected():
            return None
        return Stale(tag_of(*self.now) if self.now else None)

    def _is_expected(self) -> bool:
        if self.sent.get("create_only") and self.now:
            return False
        version = self.now[1] if self.now else 0
        if self.sent.get("version", version) != version:
            return False
        tags = self.sent.get("if_match")
        return not tags or bool(self.now and ("*" in tags or tag_of(*self.now) in tags))

    @property
    def is_plain(self) -> bool:
        """Return whether the form after the change follows from the form and the changes."""
        return self.stored is not None and all(map(self._is_plain, self.changes))

    def _is_plain(self, path: str) -> bool:
        if path == "metadata":
            # A new entry has a time that only the database knows.
            old, new = ({entry["lago_id"] for entry in side} for side in self.changes[path])
            return old >= new
        head, _, tail = path.partition(".")
        return path not in _FAR_REACHING and (
            head != "billing_configuration" or tail in CONFIGURATION
        )

    def note(self, customer_id: str, version: int, updated_at: str) -> None:
        """Note what became of the customer when it was written."""
        self.now = (customer_id, version)
        if self.is_plain:
            self.form = {**self.form_after(), "updated_at": updated_at}

    def form_after(self) -> dict[str, Any]:
        """Return the form with the changes made, if they are plain; its time is still the old."""
        form = dict(self.form)
        for path, (_, new) in self.changes.items():
            head, _, tail = path.partition(".")
            if path == "metadata":
                old = {entry["lago_id"]: entry for entry in form[path]}
                new = [old[entry["lago_id"]] | entry for entry in new]
            form[head] = {**form[head], tail: new} if tail else new
        return form


def tag_of(customer_id: str, version: int) -> str:
    """Return the version tag of a customer."""
    return f"{customer_id.replace('-', '')}-{version}"
