"""The screens of finance staff: customers, written by the writer that the API uses."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.staff.palette import Finder, register
from billing.staff.roles import Ability
from billing.staff.site import Item, back_office
from customers import queues
from customers.admin.bulk import PAGES as BULK_PAGES
from customers.admin.duplicates import PAGES as DUPLICATE_PAGES
from customers.admin.edit import AddPage, AdvicePage, CountryPage, EditPage
from customers.admin.exports import PAGES as EXPORT_PAGES
from customers.admin.history import PAGES as HISTORY_PAGES
from customers.admin.home import PAGES as HOME_PAGES
from customers.admin.imports import PAGES as IMPORT_PAGES
from customers.admin.list import PAGES as LIST_PAGES
from customers.admin.page import PAGES
from customers.admin.palette import find_customers
from customers.admin.proposals import PAGES as PROPOSAL_PAGES
from customers.admin.screen import CustomerScreen
from customers.admin.sync import PAGES as SYNC_PAGES
from customers.admin.sync import TURNED_DOWN, UNHANDLED
from customers.models import Customer

admin.site.register(Customer, CustomerScreen)

back_office().item(
    Item(
        "customers",
        _("Customers"),
        "contacts",
        "admin:customers_customer_changelist",
        Ability.READ,
        20,
        keys="g c",
    )
)
back_office().item(
    Item("bulk", _("Bulk changes"), "checklist", "admin:customers_batches", Ability.HISTORY, 25)
)
back_office().item(
    Item(
        "imports",
        _("Imports"),
        "upload_file",
        "admin:customers_imports",
        Ability.HISTORY,
        24,
        keys="g i",
    )
)
back_office().item(Item("sync", _("Sync"), "sync_alt", "admin:customers_sync", Ability.HISTORY, 30))
register(Finder(_("Customers"), find_customers))
queues.register(TURNED_DOWN)
queues.register(UNHANDLED)

for _route, _page, _name in (
    *HOME_PAGES,
    *LIST_PAGES,
    *DUPLICATE_PAGES,
    *EXPORT_PAGES,
    *BULK_PAGES,
    *IMPORT_PAGES,
    *HISTORY_PAGES,
    *SYNC_PAGES,
    *PROPOSAL_PAGES,
):
    back_office().page(_route, _page, _name)

_CUSTOMERS = "customers/customer/"
back_office().page(f"{_CUSTOMERS}add/", AddPage, "customers_customer_add")
back_office().page(f"{_CUSTOMERS}advice/", AdvicePage, "customers_customer_advice")
back_office().page(f"{_CUSTOMERS}country/", CountryPage, "customers_customer_country")
back_office().page(f"{_CUSTOMERS}<uuid:customer_id>/edit/", EditPage, "customers_customer_edit")
for _address in PAGES:
    back_office().page(*_address)
