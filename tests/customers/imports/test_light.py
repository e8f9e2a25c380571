"""Commands for many rows do without what only screens need."""

import os
import subprocess
import sys

from tests.contract.server import ROOT


class TestImportCommand:
    def test_loads_no_screens(self):
        """Fails when the admin's screens are loaded with the applications, or by a check."""
        code = (
            "import sys, django; django.setup();"
            "from django.core.management import call_command, CommandError\n"
            "try: call_command('import_customers', 'none.csv', skip_checks=False)\n"
            "except CommandError: pass\n"
            "except Exception: pass\n"
            "assert 'customers.imports.run' in sys.modules;"
            "print([name for name in sys.modules if name.endswith('.admin')"
            " and name.split('.')[0] in ('customers', 'billing')])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )  # fmt: skip

        assert done.stdout.strip() == "[]"
