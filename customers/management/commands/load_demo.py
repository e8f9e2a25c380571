"""`manage.py load_demo`: the organization that newcomers try Tarn with."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from customers.demo import load_demo


class Command(BaseCommand):
    """Loads the demo; a second time it changes nothing."""

    help = "Load the demo organization, and return its API key and staff as JSON."

    def handle(self, *args: Any, **options: Any) -> str:
        """Load it, and return what is needed to try it."""
        return json.dumps(load_demo())
