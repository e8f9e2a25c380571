from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The roof: what Tarn runs on and how it is started."""

    name = "config"
