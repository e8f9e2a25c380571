"""A reading of the contract in plain Python: what a wish makes of a customer (customers.md 2).

Slow, in memory and written apart from the writer, to be compared with it.
"""

from copy import deepcopy
from typing import Any

TEXT = ("name", "phone")
BLANK_IS_NULL = ("city", "state", "email")
ENTITIES = ("acme_corp", "fr")
TAXES = ("vat", "city_tax")
SECTIONS = ("a", "b")
PROVIDERS = {"s1": "stripe", "s2": "stripe", "a1": "adyen"}
INTEGRATIONS = {
    "n1": "netsuite", "n2": "netsuite", "x1": "xero", "k1": "anrok", "v1": "avalara",
    "s": "salesforce",
}  # fmt: skip
METHODS = {"card", "link", "boleto", "customer_balance"}
CARD = "4242 4242 4242 4242"

Values = dict[str, Any]


class Refused(Exception):
    """The problems of a wish, or the resource it names in vain."""

    def __init__(self, found: Any) -> None:
        super().__init__(found)
        self.found = found


def blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class Customer:
    """A customer as the contract has it; `apply` returns the next one, or raises."""

    def __init__(self) -> None:
        self.exists = False
        self.scalars: Values = dict.fromkeys((*TEXT, *BLANK_IS_NULL, "country", "currency"))
        self.scalars |= {"net_payment_term": None, "account_type": "customer"}
        self.scalars |= {"finalize_zero_amount_invoice": "inherit", "customer_type": None}
        self.entity = "acme_corp"
        self.shipping: Values = dict.fromkeys(("city", "country"))
        self.configuration: Values = dict.fromkeys(("document_locale", "invoice_grace_period"))
        self.provider: Values | None = None
        self.skip = False
        self.sections: frozenset[str] = frozenset()
        self.taxes: frozenset[str] = frozenset()
        self.metadata: list[Values] = []
        self.integrations: dict[str, Values] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Customer) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def apply(self, wish: Values) -> "Customer":
        """Return the customer after this wish.

        :raises Refused: with all problems, else with the resource that is missing.
        """
        after, problems = deepcopy(self), {}
        after._set_scalars(wish, problems)
        after._set_sections(wish, problems)
        after._set_provider(wish.get("billing_configuration") or {}, problems)
        after._set_metadata(wish.get("metadata"), problems)
        after._set_integrations(wish.get("integration_customers"), problems)
        if problems:
            raise Refused(problems)
        if not blank(wish.get("billing_entity_code")):
            after.entity = wish["billing_entity_code"]
            if after.entity not in ENTITIES:
                raise Refused("billing_entity")
        if wish.get("tax_codes") is not None:
            after.taxes = frozenset(wish["tax_codes"])
            if not after.taxes <= set(TAXES):
                raise Refused("tax")
        after.exists = True
        return after

    def _set_scalars(self, wish: Values, problems: Values) -> None:
        for name in self.scalars.keys() & wish.keys():
            self.scalars[name] = _scalar(name, wish[name], name, problems)
        for name, value in (wish.get("shipping_address") or {}).items():
            self.shipping[name] = _scalar(name, value, f"shipping_{name}", problems)
        configuration = wish.get("billing_configuration") or {}
        for name in self.configuration.keys() & configuration.keys():
            self.configuration[name] = configuration[name]

    def _set_sections(self, wish: Values, problems: Values) -> None:
        skip, codes = (
            wish.get("skip_invoice_custom_sections"),
            wish.get("invoice_custom_section_codes"),
        )
        if skip and codes is not None:
            _add(
                problems, "invoice_custom_sections", "skip_sections_and_selected_ids_sent_together"
            )
        elif codes is not None:
            self.skip, self.sections = False, frozenset(codes) & set(SECTIONS)
        elif skip:
            self.skip, self.sections = True, frozenset()
        elif skip is False:
            self.skip = False

    def _set_provider(self, sent: Values, problems: Values) -> None:
        old = self.provider
        kind = sent.get("payment_provider") if "payment_provider" in sent else old and old["type"]
        if kind is None:
            self.provider = None
            return
        same = old is not None and old["type"] == kind
        code = sent.get("payment_provider_code") or (old["code"] if same else None)
        fitting = [one for one, its in PROVIDERS.items() if its == kind and code in (None, one)]
        if len(fitting) != 1:
            _add(
                problems,
                "base",
                "payment_provider_code_missing" if fitting else "payment_provider_not_found",
            )
        remote = sent.get("provider_customer_id")
        if remote == CARD:
            _add(problems, "provider_customer_id", "value_is_invalid")
        methods = sent.get("provider_payment_methods") or (same and old["methods"]) or ["card"]
        if kind == "stripe":
            problems |= _method_problems(methods)
        if problems.get("base"):
            return
        [found] = fitting
        if "provider_customer_id" not in sent and same and old["code"] == found:
            remote = old["id"]
        self.provider = {"type": kind, "code": found, "id": None if blank(remote) else remote}
        for flag in ("sync", "sync_with_provider"):
            self.provider[flag] = bool(sent[flag]) if flag in sent else bool(same and old[flag])
        self.provider["methods"] = methods if kind == "stripe" else None

    def _set_metadata(self, items: list[Values] | None, problems: Values) -> None:
        if items is None:
            return
        if len(items) > 5:
            _add(problems, "metadata", "invalid_count")
        by_id = {entry["id"]: entry for entry in self.metadata}
        claimed = [item["id"] for item in items if item.get("id") in by_id]
        if len(set(claimed)) < len(claimed):
            _add(problems, "id", "value_already_exist")
        by_key = {entry["key"]: entry for entry in self.metadata if entry["id"] not in claimed}
        wanted = []
        for item in items:
            entry = by_id.get(item.get("id")) or by_key.get(item.get("key")) or {"id": None}
            new = {name: item.get(name, entry.get(name) if item.get("id") in by_id else None)
                   for name in ("key", "value")}  # fmt: skip
            for name in ("key", "value"):
                if blank(new[name]):
                    _add(problems, name, "value_is_mandatory")
            shown = bool(item.get("display_in_invoice"))
            wanted.append({"id": entry["id"], **new, "display_in_invoice": shown})
        keys = [entry["key"] for entry in wanted if not blank(entry["key"])]
        if len(set(keys)) < len(keys):
            _add(problems, "key", "value_already_exist")
        self.metadata = sorted(wanted, key=lambda entry: str(entry["key"]))

    def _set_integrations(self, items: list[Values] | None, problems: Values) -> None:
        if items is None:
            return
        types = {link["id"]: kind for kind, link in self.integrations.items()}
        kinds = [item.get("integration_type") or types.get(item.get("id")) for item in items]
        known = ["anrok" if kind == "avalara" else kind for kind in kinds if kind]
        if None in kinds:
            _add(problems, "integration_type", "value_is_mandatory")
        wanted = {}
        for item, kind in zip(items, kinds, strict=True):
            if kind is not None:
                self._want(item, kind, wanted, problems)
        if len(set(known)) < len(known):
            _add(problems, "integration_customers", "invalid_count_per_integration_type")
        if self.scalars["account_type"] != "partner":
            self.integrations = wanted

    def _want(self, item: Values, kind: str, wanted: dict[str, Values], problems: Values) -> None:
        link = self.integrations.get(kind)
        code = item.get("integration_code") or (link and link["code"])
        fitting = [
            one for one, its in INTEGRATIONS.items() if its == kind and code in (None, "", one)
        ]
        if len(fitting) != 1:
            _add(problems, "integration_customers", "integration_not_found")
            return
        remote, sync = item.get("external_customer_id"), item.get("sync_with_provider")
        if link is None and blank(remote) and not sync:
            return
        [found] = fitting
        old = link or {"id": None, "code": None, "remote": None, "sync": False, "subsidiary": None}
        new = old | {"code": found}
        if not blank(remote):
            new |= {"remote": remote, "sync": kind == "salesforce"}
        else:
            new["remote"] = old["remote"] if old["code"] == found else None
            new["sync"] = bool(sync) if "sync_with_provider" in item else old["sync"]
        if kind == "netsuite":
            new["subsidiary"] = item.get("subsidiary_id", old["subsidiary"])
        wanted[kind] = new


def _scalar(name: str, value: Any, key: str, problems: Values) -> Any:
    if name in BLANK_IS_NULL and blank(value):
        return None
    if name == "country":
        if value not in (None, "", "fr", "FR", "de"):
            _add(problems, key, "not_a_valid_country_code")
        return None if blank(value) else value.upper()
    if name == "currency" and value not in (None, "EUR", "USD"):
        _add(problems, key, "value_is_invalid")
    if name == "net_payment_term":
        if value == -1:
            _add(problems, key, "value_is_out_of_range")
        return None if blank(value) else int(value)
    if name == "finalize_zero_amount_invoice":
        return value or "inherit"
    return None if name == "customer_type" and value == "" else value


def _method_problems(methods: list[str]) -> Values:
    codes = []
    if set(methods) - METHODS:
        codes.append("value_is_invalid")
    if "link" in methods and "card" not in methods:
        codes.append("value_is_invalid")
    if "customer_balance" in methods and set(methods) != {"customer_balance"}:
        codes.append("customer_balance cannot be combined with other payment methods")
    return {"provider_payment_methods": codes} if codes else {}


def _add(problems: Values, key: str, code: str) -> None:
    if code not in problems.setdefault(key, []):
        problems[key].append(code)
