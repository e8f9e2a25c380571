"""Commands for many rows do without what only screens and calls of others need."""

import os
import subprocess
import sys

from tests.contract.server import ROOT

SCRIPT = """
import django, sys
django.setup()
from django.core.management import call_command
for command in (["import_customers", "none.csv"], ["export_customers", "--organization", "none"]):
    try:
        call_command(*command, skip_checks=False)
    except Exception:
        pass
loaded = set(sys.modules)
assert {"customers.imports.run", "customers.outgoing"} <= loaded
screens = {name for name in loaded if name.startswith(("customers.admin", "billing.admin"))}
print(sorted(screens | loaded & {"cryptography", "requests", "stripe", "xlsxwriter", "openpyxl"}))
"""


class TestCommands:
    def test_load_no_screens_and_no_clients(self):
        """Seen to fail with the checks of Django, and with a client loaded by an application.

        Checks load every screen by the addresses; it is those that take a command over 100 MB.
        """
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )  # fmt: skip

        assert done.stdout.strip() == "[]"
