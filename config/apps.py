from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The roof: what Tarn runs on and how it is started."""

    name = "config"

    def ready(self) -> None:
        """Have `manage.py check` look at our settings."""
        import config.checks  # noqa: F401
