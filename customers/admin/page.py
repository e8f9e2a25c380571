"""The addresses of the pages about one customer."""

from billing.staff.pages import StaffPage
from customers.admin.ending import Delete, Restore
from customers.admin.portal_links import PortalLinks
from customers.admin.sides import SidesPage
from customers.admin.tabs import Addresses, Api, Connections, Overview, Terms
from customers.admin.timeline import Revert, Timeline

_ONE = "customers/customer/<uuid:customer_id>/"
# Route, page, name. Those that Django's admin has as well keep its names.
PAGES: tuple[tuple[str, type[StaffPage], str], ...] = (
    (f"{_ONE}change/", Overview, "customers_customer_change"),
    (f"{_ONE}terms/", Terms, "customer_terms"),
    (f"{_ONE}addresses/", Addresses, "customer_addresses"),
    (f"{_ONE}connections/", Connections, "customer_connections"),
    (f"{_ONE}connections/<uuid:connection_id>/", SidesPage, "customer_sides"),
    (f"{_ONE}timeline/", Timeline, "customer_timeline"),
    (f"{_ONE}timeline/<int:record_id>/revert/", Revert, "customer_revert"),
    (f"{_ONE}api/", Api, "customer_api"),
    (f"{_ONE}portal/", PortalLinks, "customer_portal"),
    (f"{_ONE}delete/", Delete, "customers_customer_delete"),
    (f"{_ONE}restore/", Restore, "customer_restore"),
)
