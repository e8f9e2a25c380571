from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Who is billed."""

    name = "customers"
    default_auto_field = "django.db.models.BigAutoField"
