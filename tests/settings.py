"""Tarn's settings, with keys that protect nothing; tests/conftest.py adds the database."""

import os

os.environ.setdefault("SECRET_KEY", "tests only: " + "0123456789" * 5)
os.environ.setdefault("TARN_ENCRYPTION_KEYS", "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=")
os.environ.setdefault("DATABASE_URL", "postgres://localhost/replaced_by_conftest")
os.environ.setdefault("TARN_INSECURE_HTTP", "1")

from config.settings import *  # noqa: F403

# Passwords are hashed a thousand times in tests and protect nothing there.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
