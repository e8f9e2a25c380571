"""The clients of providers are large: they are loaded by who uses them."""

import subprocess
import sys

SCRIPT = """
import sys
import django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
import customers.providers.tasks
print(*sorted({"stripe", "gocardless_pro", "Adyen"} & set(sys.modules)))
from customers.providers.adapter import adapter_class
assert adapter_class("gocardless").name == "GoCardless"
print(*sorted({"stripe", "gocardless_pro", "Adyen"} & set(sys.modules)))
"""


class TestLoading:
    def test_is_left_to_who_uses_them(self):
        """Seen to fail with an import of a client at the top of `inbound`."""
        command = [sys.executable, "-c", SCRIPT]

        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

        assert found.stdout.splitlines() == ["", "gocardless_pro"]
