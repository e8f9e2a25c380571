from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AdminConfig):
    """Django's admin, with our back office as its site."""

    default_site = "billing.staff.site.BackOffice"
