"""The ground floor's screens, gathered for Django; each lives in its noun's package."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from billing.api.admin import ApiKeyScreen
from billing.connections.admin import IntegrationScreen, PaymentProviderScreen
from billing.events.admin import WebhookEndpointScreen
from billing.models import (
    ApiKey,
    BillingEntity,
    Integration,
    InvoiceCustomSection,
    Membership,
    Organization,
    PaymentProvider,
    Tax,
    WebhookEndpoint,
)
from billing.organizations.admin import PAGES as ORGANIZATION_PAGES
from billing.organizations.admin import (
    BillingEntityScreen,
    OrganizationScreen,
    UserScreen,
)
from billing.people.admin import MembershipScreen
from billing.sections.admin import SectionScreen
from billing.staff.palette import PaletteView
from billing.staff.roles import Ability
from billing.staff.site import Item, back_office
from billing.taxes.admin import TaxScreen
from billing.webhooks.admin import (
    DeliveriesPage,
    DeliveryActionPage,
    DeliveryPage,
    EndpointActionPage,
)

admin.site.register(User, UserScreen)
admin.site.register(Organization, OrganizationScreen)
admin.site.register(BillingEntity, BillingEntityScreen)
admin.site.register(Membership, MembershipScreen)
admin.site.register(Tax, TaxScreen)
admin.site.register(InvoiceCustomSection, SectionScreen)
admin.site.register(PaymentProvider, PaymentProviderScreen)
admin.site.register(Integration, IntegrationScreen)
admin.site.register(WebhookEndpoint, WebhookEndpointScreen)
admin.site.register(ApiKey, ApiKeyScreen)

_INVOICING = _("Invoicing")
_CONNECTED = _("Connected systems")
_SETTINGS = _("Settings")


def _list_of(model: str) -> str:
    return f"admin:{model}_changelist"


for _item in (
    Item("home", _("Home"), "home", "admin:index", Ability.READ, 10, keys="g h"),
    Item("history", _("History"), "history", "admin:history", Ability.HISTORY, 40),
    Item("taxes", _("Taxes"), "percent", _list_of("billing_tax"), Ability.READ, 110, _INVOICING),
    Item(
        "entities",
        _("Billing entities"),
        "domain",
        _list_of("billing_billingentity"),
        Ability.READ,
        120,
        _INVOICING,
    ),
    Item(
        "sections",
        _("Invoice sections"),
        "notes",
        _list_of("billing_invoicecustomsection"),
        Ability.READ,
        130,
        _INVOICING,
    ),
    Item(
        "providers",
        _("Payment providers"),
        "credit_card",
        _list_of("billing_paymentprovider"),
        Ability.CONNECT,
        210,
        _CONNECTED,
    ),
    Item(
        "integrations",
        _("Integrations"),
        "hub",
        _list_of("billing_integration"),
        Ability.CONNECT,
        220,
        _CONNECTED,
    ),
    Item(
        "webhooks",
        _("Webhooks"),
        "webhook",
        _list_of("billing_webhookendpoint"),
        Ability.SET_WEBHOOKS,
        230,
        _CONNECTED,
    ),
    Item(
        "deliveries",
        _("Deliveries"),
        "outbox",
        "admin:deliveries",
        Ability.HISTORY,
        235,
        _CONNECTED,
    ),
    Item(
        "keys", _("API keys"), "key", _list_of("billing_apikey"), Ability.SET_KEYS, 240, _CONNECTED
    ),
    Item(
        "organization",
        _("Organization"),
        "apartment",
        _list_of("billing_organization"),
        Ability.READ,
        310,
        _SETTINGS,
    ),
    Item(
        "staff",
        _("Staff"),
        "group",
        _list_of("billing_membership"),
        Ability.SET_STAFF,
        320,
        _SETTINGS,
    ),
    Item("people", _("Sign-ins"), "badge", _list_of("auth_user"), None, 330, _SETTINGS),
):
    back_office().item(_item)

back_office().page("palette/", PaletteView, "palette")
back_office().page("deliveries/", DeliveriesPage, "deliveries")
back_office().page("deliveries/<uuid:delivery_id>/", DeliveryPage, "delivery")
back_office().page("deliveries/<uuid:delivery_id>/do/", DeliveryActionPage, "delivery_action")
back_office().page("endpoints/<uuid:endpoint_id>/do/", EndpointActionPage, "endpoint_action")

for _address in ORGANIZATION_PAGES:
    back_office().page(*_address)
