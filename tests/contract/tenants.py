"""Two organizations, and every call in which one could name what belongs to the other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.apps import apps
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from billing.models import Organization
from customers.page import Position
from tests.billing.builders import (
    make_api_key,
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.conftest import Client

API = "api/v1/"
IDEMPOTENCY_KEY = "their-key"
_SHARED = "shared"


@dataclass(frozen=True)
class Call:
    """One request, as either organization could send it."""

    method: str
    target: str
    json: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, client: Client) -> tuple[int, dict[str, str], bytes]:
        """Return all that the answer tells; the id of the request is new each time."""
        answer = client.request(
            self.method, self.target, json=self.json, headers=dict(self.headers)
        )
        told = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        return answer.status, told, answer.body


@dataclass
class Tenant:
    """An organization with one of everything called `shared` and one of everything of its own."""

    organization: Organization
    client: Client
    name: str
    refs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def build(cls, name: str) -> "Tenant":
        """Make the organization and all that is in it."""
        organization = make_organization(name=name, slug=name, document_number_prefix="SAME-1")
        client = Client(make_api_key(organization, f"{name}-key-0123456789"))
        tenant = cls(organization, client, name)
        for code in (_SHARED, f"{name}-own"):
            tenant._furnish(code)
        tenant._note_links(f"{name}-own")
        return tenant

    def rows(self) -> list[Any]:
        """Return what stands for every row of the organization, but not when a key was used."""
        with connection.cursor() as cursor:
            cursor.execute(_SNAPSHOT, {"organization": self.organization.id})
            return list(cursor.fetchall())

    def _furnish(self, code: str) -> None:
        tax = make_tax(self.organization, code=code)
        section = make_section(self.organization, code=code)
        entity = make_billing_entity(
            self.organization, code=code, taxes=[tax], sections=[section], country="FR"
        )
        make_payment_provider(self.organization, code=code, type="gocardless")
        make_integration(self.organization, code=code, type="xero")
        self.refs |= {"entity_id": str(entity.id), "tax_id": str(tax.id)}
        url = f"https://{code}.example.com/"
        endpoint = self._post("webhook_endpoints", webhook_endpoint={"webhook_url": url})
        customer = self._post("customers", customer=customer_wish(code))
        self.refs["webhook_endpoint_id"] = endpoint["webhook_endpoint"]["lago_id"]
        self.refs["customer_id"] = customer["customer"]["lago_id"]
        self.refs["metadata_id"] = customer["customer"]["metadata"][0]["lago_id"]
        self.refs["link_id"] = customer["customer"]["integration_customers"][0]["lago_id"]

    def _note_links(self, code: str) -> None:
        shown = self.client.get(f"/api/v1/customers/{code}")
        page = self.client.get("/api/v1/customers?cursor=&per_page=1").json()
        self.refs["etag"] = shown.headers["ETag"]
        self.refs["cursor"] = page["meta"]["next_cursor"]
        assert Position.read(self.refs["cursor"]) is not None

    def _post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/api/v1/{path}", json=body)
        assert answer.status == 200, answer.body
        return answer.json()


def customer_wish(code: str) -> dict[str, Any]:
    """Return a customer that names something of every kind by this code."""
    return {
        "external_id": code,
        "name": f"{code} Limited",
        "email": f"{code}@example.com",
        "tax_identification_number": f"TIN-{code}",
        "zipcode": f"zip {code}",
        "state": f"state {code}",
        "billing_entity_code": code,
        "tax_codes": [code],
        "invoice_custom_section_codes": [code],
        "metadata": [{"key": f"key {code}"[:20], "value": code}],
        "billing_configuration": {
            "payment_provider": "gocardless",
            "payment_provider_code": code,
            "provider_customer_id": f"remote-{code}",
        },
        "integration_customers": [
            {
                "integration_type": "xero",
                "integration_code": code,
                "external_customer_id": f"remote-{code}",
            }
        ],
    }


def _snapshot() -> str:
    """Return a statement with a row for every table that belongs to organizations."""
    models = [*apps.get_app_config("billing").get_models()]
    models += apps.get_app_config("customers").get_models()
    owned = [m for m in models if any(f.attname == "organization_id" for f in m._meta.fields)]
    tables = [(one._meta.db_table, "organization_id") for one in owned]
    return " UNION ALL ".join(
        f"SELECT '{table}', md5(string_agg(body, '' ORDER BY body)) FROM ("
        f"SELECT (to_jsonb(t) - 'last_used_at')::text AS body FROM {table} t"
        f" WHERE {owner} = %(organization)s) AS {table}"
        for table, owner in [*tables, ("billing_organization", "id")]
    )


_SNAPSHOT = _snapshot()


# --- What is there to call ----------------------------------------------------------------------


def addresses() -> Iterator[tuple[str, str]]:
    """Return every verb and route under /api/v1/, from the URLconf."""
    for route, view in _walk(get_resolver().url_patterns, ""):
        if route.startswith(API) and hasattr(view, "view_class"):
            yield from ((verb, route[len(API) :]) for verb in view.view_class._allowed)


def other_doors() -> set[str]:
    """Return the routes that are outside /api/v1/, those of the admin as one."""
    routes = {route for route, _ in _walk(get_resolver().url_patterns, "")}
    return {"admin/" if route.startswith("admin/") else route for route in routes} - {
        route for route in routes if route.startswith(API)
    }


def _walk(patterns: Iterable[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


# --- What could be named in a call --------------------------------------------------------------


def calls(method: str, route: str, them: Tenant) -> list[Call]:
    """Return every call of an address that names something of `them`.

    :raises KeyError: if nobody has said what can be named there.
    """
    kind = {"GET": "read", "HEAD": "read", "PATCH": "PUT"}.get(method, method)
    queries = _QUERIES.get(route, _nothing)(them) if kind == "read" else [""]
    bodies = _BODIES[kind, route](them)
    if method in ("HEAD", "PATCH"):  # the other name of a verb that is tried in full
        queries, bodies = queries[:2], bodies[:2]
    targets = _targets(route, them)
    found = [
        Call(method, to + query, body) for to in targets for query in queries for body in bodies
    ]
    if kind != "read":
        found += [_with(call, "Idempotency-Key", IDEMPOTENCY_KEY) for call in found[:3]]
        found += [_with(call, "If-Match", them.refs["etag"]) for call in found[:2]]
    return found


def _with(call: Call, name: str, value: str) -> Call:
    return Call(call.method, call.target, call.json, (*call.headers, (name, value)))


_IDS = {
    "customers": "customer_id",
    "taxes": "tax_id",
    "billing_entities": "entity_id",
    "webhook_endpoints": "webhook_endpoint_id",
}


def _targets(route: str, them: Tenant) -> list[str]:
    """Return the paths of a route with what belongs to them, and with what both have."""
    if "<" not in route:
        return [f"/{API}{route}"]
    start, _, rest = route.partition("<")
    _, _, end = rest.partition(">")
    id_of_theirs = them.refs[_IDS[start.rstrip("/")]]
    named = [f"{them.name}-own", _SHARED, id_of_theirs]
    return [f"/{API}{start}{quote(name, safe='')}{end}" for name in named]


def _nothing(them: Tenant) -> list[Any]:
    return [""]


def _no_body(them: Tenant) -> list[Any]:
    return [None]


def _customer_queries(them: Tenant) -> list[str]:
    theirs = f"{them.name}-own"
    pairs = [
        ("external_id", theirs),
        ("external_id", them.refs["customer_id"]),
        ("search_term", theirs),
        ("search_term", _SHARED),
        ("tax_identification_number", f"TIN-{theirs}"),
        ("has_tax_identification_number", "true"),
        ("states[]", f"state {theirs}"),
        ("zipcodes[]", f"zip {theirs}"),
        ("billing_entity_codes[]", theirs),
        ("billing_entity_codes[]", _SHARED),
        (f"metadata[{f'key {theirs}'[:20]}]", theirs),
        (f"metadata[{f'key {theirs}'[:20]}]", ""),
        ("updated_at[gte]", "2000-01-01"),
        ("cursor", ""),
        ("cursor", them.refs["cursor"]),
        ("per_page", "1"),
    ]
    return ["", *(f"?{urlencode([pair])}" for pair in pairs), "?per_page=1&page=2"]


def _page_queries(them: Tenant) -> list[str]:
    return ["", "?per_page=1&page=2"]


def _customer_bodies(them: Tenant) -> list[Any]:
    """Return upserts, each of which names one thing of theirs."""
    theirs = f"{them.name}-own"
    whole = customer_wish(theirs)
    wishes: list[dict[str, Any]] = [
        {"name": "Same id as theirs", "external_id": theirs},
        {"name": "Same id as ours", "external_id": _SHARED},
        {"metadata": [{"id": them.refs["metadata_id"], "key": "taken", "value": "over"}]},
        {"metadata": [{"id": them.refs["metadata_id"]}]},
        {"billing_configuration": whole["billing_configuration"]},
        {"billing_configuration": {"payment_provider": "gocardless"}},
        {"integration_customers": whole["integration_customers"]},
        {"integration_customers": [{"id": them.refs["link_id"], "external_customer_id": "x"}]},
    ]
    wishes += [{key: whole[key]} for key in whole if key.endswith(("_code", "_codes"))]
    wishes += [{"invoice_custom_section_codes": [_SHARED, theirs]}]
    return [{"customer": {"external_id": "ours", **wish}} for wish in wishes] + [
        {"customer": {**wish, "external_id": _SHARED}} for wish in wishes
    ]


def _tax_bodies(them: Tenant) -> list[Any]:
    codes = (f"{them.name}-own", _SHARED, "nobody's")
    return [
        {"tax": {"code": code, "name": "N", "rate": 1, "applied_to_organization": True}}
        for code in codes
    ]


def _entity_bodies(them: Tenant) -> list[Any]:
    theirs = f"{them.name}-own"
    wishes: list[dict[str, Any]] = [
        {"code": theirs, "name": "N"},
        {"code": _SHARED, "name": "N"},
        {"code": "nobody's", "name": "N", "tax_codes": [theirs]},
        {"code": "nobody's", "name": "N", "tax_codes": [_SHARED]},
        {"code": "nobody's", "name": "N", "invoice_custom_section_codes": [theirs, _SHARED]},
    ]
    return [{"billing_entity": wish} for wish in wishes]


def _organization_bodies(them: Tenant) -> list[Any]:
    """Return changes that name what they have; a slug is unique on the server, by contract."""
    theirs = f"https://{them.name}-own.example.com/"
    wishes: list[dict[str, Any]] = [
        {"webhook_url": theirs},
        {"document_number_prefix": "SAME-1", "legal_name": "Ours"},
        {"country": "DE", "timezone": "Europe/Berlin", "default_currency": "CHF"},
    ]
    return [{"organization": wish} for wish in wishes]


def _endpoint_bodies(them: Tenant) -> list[Any]:
    urls = (f"https://{them.name}-own.example.com/", f"https://{_SHARED}.example.com/")
    return [{"webhook_endpoint": {"webhook_url": url}} for url in urls]


_QUERIES = {
    "customers": _customer_queries,
    "taxes": _page_queries,
    "webhook_endpoints": _page_queries,
}
_BODIES = {
    ("read", "customers"): _no_body,
    ("POST", "customers"): _customer_bodies,
    ("read", "customers/<code:external_id>"): _no_body,
    ("DELETE", "customers/<code:external_id>"): _no_body,
    ("POST", "customers/<code:external_id>/checkout_url"): _no_body,
    ("read", "customers/<code:external_id>/portal_url"): _no_body,
    ("read", "taxes"): _no_body,
    ("POST", "taxes"): _tax_bodies,
    ("read", "taxes/<code:code>"): _no_body,
    ("PUT", "taxes/<code:code>"): _tax_bodies,
    ("DELETE", "taxes/<code:code>"): _no_body,
    ("read", "organizations"): _no_body,
    ("PUT", "organizations"): _organization_bodies,
    ("read", "billing_entities"): _no_body,
    ("POST", "billing_entities"): _entity_bodies,
    ("read", "billing_entities/<code:code>"): _no_body,
    ("PUT", "billing_entities/<code:code>"): _entity_bodies,
    ("read", "webhook_endpoints"): _no_body,
    ("POST", "webhook_endpoints"): _endpoint_bodies,
    ("read", "webhook_endpoints/<id:endpoint_id>"): _no_body,
    ("PUT", "webhook_endpoints/<id:endpoint_id>"): _endpoint_bodies,
    ("DELETE", "webhook_endpoints/<id:endpoint_id>"): _no_body,
    ("read", "webhooks/json_public_key"): _no_body,
    ("read", "webhooks/public_key"): _no_body,
}
