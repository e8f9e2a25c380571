"""API keys in the back office: to look at; the keys themselves are not kept."""

from django.utils import timezone

from billing.api.models import ApiKey
from billing.staff.roles import Ability
from billing.staff.screens import Screen, fact


class ApiKeyScreen(Screen):
    """What programs call with. Keys are made by `manage.py create_api_key`."""

    reads = Ability.SET_KEYS
    list_display = ("shown_name", "end", "allowed", "last_used_at", "works")
    ordering = ("-created_at",)
    fields = ("name", "end", "allowed", "expires_at", "last_used_at", "created_at")

    @fact("Name")
    def shown_name(self, key: ApiKey) -> str:
        """Return the name, or words for a key without one."""
        return key.name or "without a name"

    @fact("Ends with")
    def end(self, key: ApiKey) -> str:
        """Return the last four characters."""
        return f"...{key.last_four}"

    @fact("May")
    def allowed(self, key: ApiKey) -> str:
        """Return what the key allows."""
        if key.permissions is None:
            return "everything"
        return "; ".join(f"{name}: {', '.join(modes)}" for name, modes in key.permissions.items())

    @fact("Works", boolean=True)
    def works(self, key: ApiKey) -> bool:
        """Return whether the key has not ended."""
        return key.expires_at is None or key.expires_at > timezone.now()
