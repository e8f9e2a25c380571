"""The application: `gunicorn drf_peer.wsgi --worker-class gthread --workers 2 --threads 4`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drf_peer.settings")
application = get_wsgi_application()
