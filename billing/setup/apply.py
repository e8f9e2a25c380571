"""Bringing the server to what a set-up file says, through the rules every door uses."""

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any, cast
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet

from billing.connections.change import ConnectionChange
from billing.connections.models import Integration, PaymentProvider
from billing.connections.write import change_connection, create_connection
from billing.events.actor import SETUP
from billing.events.change import WebhookEndpointChange
from billing.events.models import WebhookEndpoint
from billing.events.write import change_webhook_endpoint, create_webhook_endpoint
from billing.models import InvoiceCustomSection, Organization, Tax
from billing.organizations.change import NewOrganization
from billing.organizations.locks import freeze_configuration, lock_organization
from billing.organizations.write import create_organization
from billing.sections.write import change_section, create_section
from billing.setup.access import apply_api_key, apply_member
from billing.setup.attempts import Attempts
from billing.setup.document import read_document
from billing.setup.issuers import IssuerSetup
from billing.setup.kinds import (
    API_KEYS,
    BILLING_ENTITIES,
    ENDPOINTS,
    INTEGRATION_LIST,
    ORGANIZATIONS,
    PROVIDERS,
    SECTIONS,
    STAFF,
    TAXES,
    WITH_WISHES,
    Kind,
    organization_wish,
    part_wish,
)
from billing.setup.problems import SetupProblems, SetupRefused
from billing.setup.reading import Plan, Planned
from billing.setup.report import UNCHANGED, Report
from billing.taxes.write import change_tax, create_tax


def apply_setup(text: str) -> Report:
    """Create what is missing, change what differs, and leave the rest alone.

    :raises SetupRefused: with every problem of the file; nothing was changed.
    """
    problems, report = SetupProblems(), Report()
    plan = Plan(read_document(text, problems), problems)
    with transaction.atomic():
        # In one order, so that two files applied at the same time wait for each other.
        for planned in sorted(plan.organizations, key=lambda one: str(one.node.get("code"))):
            _OrganizationSetup(planned, problems, report).run()
        if problems:
            raise SetupRefused(problems)
    return report


class _OrganizationSetup:
    """Brings one organization to what the file says."""

    def __init__(self, planned: Planned, problems: SetupProblems, report: Report) -> None:
        self.planned, self.node = planned, planned.node
        self.slug = str(self.node.get("code"))
        self.attempts = Attempts(self.slug, problems, report)
        self.wish = organization_wish(self.node)
        self.pairs = {
            kind: [(node, part_wish(kind, node)) for node in planned.parts[kind.plural]]
            for kind in WITH_WISHES
        }

    def run(self) -> None:
        """Apply the organization and all its parts."""
        # What is wrong with values by themselves comes first, whatever the database holds.
        for node, wish in [(self.node, self.wish), *chain.from_iterable(self.pairs.values())]:
            self.attempts.refuse(node, wish.problems().by_field)
        organization = self.organization = self._find_or_create()
        self._coded(TAXES, Tax.objects.kept(), create_tax, change_tax)
        self._coded(SECTIONS, InvoiceCustomSection.objects.kept(), create_section, change_section)
        issuers = IssuerSetup(organization, self.planned, self.wish, self.attempts)
        issuers.run(self.pairs[BILLING_ENTITIES])
        self._connections(PROVIDERS, PaymentProvider)
        self._connections(INTEGRATION_LIST, Integration)
        self._webhook_endpoints()
        for node in self.planned.parts[API_KEYS.plural]:
            self.attempts.apply(API_KEYS, node, partial(apply_api_key, organization, node))
        for node in self.planned.parts[STAFF.plural]:
            self.attempts.apply(STAFF, node, partial(apply_member, organization.pk, node))

    def _find_or_create(self) -> Organization:
        """Return the organization, held until the end."""
        found = Organization.objects.filter(slug=self.slug).first()
        if found is not None:
            if any(node.get("archived") for node, _ in self.pairs[BILLING_ENTITIES]):
                # Archiving takes this lock, and no row may be held before it.
                freeze_configuration(found.pk)
            self.attempts.report.add(self.slug, ORGANIZATIONS.plural, self.slug, UNCHANGED)
            return lock_organization(found.pk)
        made = self.attempts.create(
            ORGANIZATIONS, self.node, partial(create_organization, self.wish, SETUP)
        )
        return Organization.objects.get(slug=self.slug) if made else self._make_stand_in()

    def _make_stand_in(self) -> Organization:
        """Return an organization to try the parts on, so that their problems are told too.

        It goes with everything else when the file is refused.
        """
        slug = f"stand-in-{uuid4().hex[:16]}"
        return create_organization(NewOrganization(name="Stand-in", slug=slug), SETUP)

    def _coded(
        self,
        kind: Kind,
        rows: QuerySet[Any],
        create: Callable[..., object],
        change: Callable[..., bool],
    ) -> None:
        """Create or change objects that are known by a code."""
        organization_id = self.organization.pk
        present = set(rows.filter(organization_id=organization_id).values_list("code", flat=True))
        for node, wish in self.pairs[kind]:
            code = str(node.get("code"))
            if code in present:
                act = partial(change, organization_id, code, wish, SETUP)
                self.attempts.change(kind, node, act)
            else:
                self.attempts.create(kind, node, partial(create, organization_id, wish, SETUP))

    def _connections(self, kind: Kind, model: type[PaymentProvider | Integration]) -> None:
        organization_id = self.organization.pk
        rows = model._default_manager.filter(organization_id=organization_id)
        present = dict(rows.values_list("code", "type"))
        for node, wish in self.pairs[kind]:
            code, type_name = str(node.get("code")), str(node.get("type"))
            change = cast(ConnectionChange, wish)
            if code not in present:
                create = partial(create_connection, model, organization_id, type_name)
                self.attempts.create(kind, node, partial(create, change, SETUP))
            elif present[code] != type_name:
                place = node.value["type"].place if "type" in node.value else node.place
                words = f"“{code}” is a {present[code]} connection and stays one."
                self.attempts.problems.add(place, words)
            else:
                act = partial(change_connection, model, organization_id, code, change, SETUP)
                self.attempts.change(kind, node, act)

    def _webhook_endpoints(self) -> None:
        organization_id = self.organization.pk
        rows = WebhookEndpoint.objects.filter(organization_id=organization_id)
        present = dict(rows.values_list("webhook_url", "id"))
        for node, wish in self.pairs[ENDPOINTS]:
            endpoint_id = present.get(str(node.get("webhook_url")))
            change = cast(WebhookEndpointChange, wish)
            if endpoint_id is None:
                act = partial(create_webhook_endpoint, organization_id, change, SETUP)
                self.attempts.create(ENDPOINTS, node, act)
            else:
                self.attempts.change(
                    ENDPOINTS,
                    node,
                    partial(change_webhook_endpoint, organization_id, endpoint_id, change, SETUP),
                )
