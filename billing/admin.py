"""The ground floor's screens, gathered for Django; each lives in its noun's package."""

from django.contrib import admin
from django.contrib.auth.models import Group, User

from billing.api.admin import ApiKeyScreen
from billing.connections.admin import ConnectionScreen
from billing.events.admin import ChangeRecordScreen, WebhookEndpointScreen
from billing.models import (
    ApiKey,
    BillingEntity,
    ChangeRecord,
    Integration,
    InvoiceCustomSection,
    Membership,
    Organization,
    PaymentProvider,
    Tax,
    WebhookEndpoint,
)
from billing.organizations.admin import (
    BillingEntityScreen,
    MembershipScreen,
    OrganizationScreen,
    UserScreen,
)
from billing.sections.admin import SectionScreen
from billing.taxes.admin import TaxScreen

admin.site.unregister(Group)  # what people may do follows from their role alone
admin.site.unregister(User)
admin.site.register(User, UserScreen)
admin.site.register(Organization, OrganizationScreen)
admin.site.register(BillingEntity, BillingEntityScreen)
admin.site.register(Membership, MembershipScreen)
admin.site.register(Tax, TaxScreen)
admin.site.register(InvoiceCustomSection, SectionScreen)
admin.site.register(PaymentProvider, ConnectionScreen)
admin.site.register(Integration, ConnectionScreen)
admin.site.register(WebhookEndpoint, WebhookEndpointScreen)
admin.site.register(ApiKey, ApiKeyScreen)
admin.site.register(ChangeRecord, ChangeRecordScreen)
