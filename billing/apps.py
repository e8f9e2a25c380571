from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The ground floor: who bills, with what, and what every resource shares."""

    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"
