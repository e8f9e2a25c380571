from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Who is billed."""

    name = "customers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the ground floor tell us when it changes."""
        from billing.dependents import register
        from customers.dependents import CustomerDependents

        register(CustomerDependents())
