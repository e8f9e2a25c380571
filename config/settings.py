"""Settings by environment; safe by default. docs/operations.md lists every variable."""

from pathlib import Path

import environ
from django.templatetags.static import static

from config.database import database
from config.logs import logging_settings

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("TARN_DATA_DIR", default=".data")).resolve()

# --- Who we are -------------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# Fernet keys for secrets at rest; the first one encrypts, all of them decrypt.
TARN_ENCRYPTION_KEYS = env.list("TARN_ENCRYPTION_KEYS", default=[])

# --- What runs --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "unfold.apps.BasicAppConfig",  # the site is ours, see the next but one
    "unfold.contrib.filters",
    "billing.staff.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "axes",
    "csp",
    "billing",
    "customers",
]

# What browsers pass. config/wsgi.py says which requests take the short list below.
MIDDLEWARE = [
    "config.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.pages.AdminPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "billing.staff.preferences.ReadersLanguage",
    "billing.staff.preferences.ReadersTime",
    "billing.staff.tampering.TamperingLog",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "billing.people.gate.Gate",
    "axes.middleware.AxesMiddleware",
]
# What programs pass: /api/v1/, /health and /ready.
API_MIDDLEWARE = ["config.logs.RequestLog"]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["billing.staff.templatetags.moments"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- The back office --------------------------------------------------------------------------

# "test" stands in amber on every page, so that nobody takes it for the real books; "live" shows
# nothing.
TARN_ENVIRONMENT = env.str("TARN_ENVIRONMENT", default="live")

UNFOLD = {
    "SITE_TITLE": "Tarn",
    "SITE_HEADER": "Tarn",
    "SITE_SYMBOL": "water_drop",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("tarn/favicon.svg")}
    ],
    "STYLES": [lambda _: static("tarn/tarn.css"), lambda _: static("tarn/phone.css")],
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .012 235)",
            "100": "oklch(94.5% .028 235)",
            "200": "oklch(89.5% .055 236)",
            "300": "oklch(82% .09 237)",
            "400": "oklch(72% .125 239)",
            "500": "oklch(63% .13 241)",
            "600": "oklch(52.5% .125 243)",
            "700": "oklch(46% .11 244)",
            "800": "oklch(40% .09 244)",
            "900": "oklch(34.5% .075 245)",
            "950": "oklch(26% .055 246)",
        },
    },
}

# --- Database ---------------------------------------------------------------------------------

# manage.py brings the embedded PostgreSQL when DATABASE_URL is missing; config/wsgi.py refuses.
DATABASES = {
    "default": database(env.str("DATABASE_URL"))
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.dummy"}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# For requests alone; commands may take their time.
TARN_LOCK_TIMEOUT_MS = env.int("TARN_LOCK_TIMEOUT_MS", default=5_000)
TARN_STATEMENT_TIMEOUT_MS = env.int("TARN_STATEMENT_TIMEOUT_MS", default=30_000)

# --- Language and time ------------------------------------------------------------------------

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["config.formats"]
LANGUAGES = [("en", "English"), ("fr", "Français"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# --- Limits -----------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # the largest body of the API, in bytes
# The largest file that people send in; it goes to disk and into the database, never into memory.
TARN_UPLOAD_MAX_MB = env.int("TARN_UPLOAD_MAX_MB", default=200)
FILE_UPLOAD_HANDLERS = [
    "config.uploads.UploadLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# So long the rows of an import are kept after its end; what it did to customers stays.
TARN_IMPORT_ROWS_KEPT_DAYS = env.int("TARN_IMPORT_ROWS_KEPT_DAYS", default=90)
# Requests a key may make in a minute; 0 switches the limit off.
TARN_RATE_LIMIT = env.int("TARN_RATE_LIMIT", default=0)
# Where the outside reaches us: names us in signatures and stands in links that we hand out.
TARN_PUBLIC_URL = env.str("TARN_PUBLIC_URL", default="http://localhost:8000").rstrip("/")
# What a Prometheus has to know to read /metrics; without it there is no such page.
TARN_METRICS_TOKEN = env.str("TARN_METRICS_TOKEN", default="")
# For test installations: webhook endpoints may have http, any port and local addresses.
TARN_WEBHOOK_ALLOW_HTTP = env.bool("TARN_WEBHOOK_ALLOW_HTTP", default=False)
TARN_WEBHOOK_ALLOW_LOCAL = env.bool("TARN_WEBHOOK_ALLOW_LOCAL", default=False)

# Where providers are; the demo and the tests have their own. Empty: GoCardless' and Adyen's live or
# test addresses, as the connection's credentials are for.
TARN_STRIPE_URL = env.str("TARN_STRIPE_URL", default="https://api.stripe.com").rstrip("/")
TARN_GOCARDLESS_URL = env.str("TARN_GOCARDLESS_URL", default="").rstrip("/")
TARN_ADYEN_URL = env.str("TARN_ADYEN_URL", default="").rstrip("/")
# Where NetSuite is; without it, each account has an address of its own.
TARN_NETSUITE_URL = env.str("TARN_NETSUITE_URL", default="").rstrip("/")
# Where Nango is, which asks Xero with the tokens it keeps, and the key of its environment.
TARN_XERO_URL = env.str("TARN_XERO_URL", default="https://api.nango.dev/proxy").rstrip("/")
TARN_NANGO_SECRET_KEY = env.str("TARN_NANGO_SECRET_KEY", default="")

# A job that takes long (an import, a provider that does not answer) keeps no other one waiting.
# Two of the jobs look for what is new as long as anything comes. What is due later, and starts
# nobody by a notice, is looked for every second.
PROCRASTINATE_WORKER_DEFAULTS = {
    "concurrency": env.int("TARN_WORKER_JOBS", default=6),
    "fetch_job_polling_interval": 1.0,
}
# Modules with jobs; procrastinate itself looks for `tasks` only at the top of each app.
PROCRASTINATE_IMPORT_PATHS = [
    "billing.api.tasks",
    "billing.webhooks.tasks",
    "customers.bulk.tasks",
    "customers.imports.tasks",
    "customers.tasks",
    "customers.housekeeping",
    "customers.providers.again",
    "customers.providers.tasks",
]

REST_FRAMEWORK: dict[str, object] = {"DEFAULT_SCHEMA_CLASS": "billing.api.documentation.ApiSchema"}
SPECTACULAR_SETTINGS: dict[str, object] = {
    "TITLE": "Tarn",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # the first that is JSON Schema, with null as a type
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PATH_CONVERTER_OVERRIDES": {
        "code": {"type": "string"},
        "id": {"type": "string", "format": "uuid"},
    },
    # From the installed package, so that the page works without the internet.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # The schema has tests of its own; who deploys can't mend it.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

# --- Protection -------------------------------------------------------------------------------

# Only the demo sets this: it is reached by plain http on the machine it runs on.
TARN_INSECURE_HTTP = env.bool("TARN_INSECURE_HTTP", default=False)
# Believe X-Forwarded-Proto and -For, because one proxy of ours stands in front and sets them.
TARN_BEHIND_PROXY = env.bool("TARN_BEHIND_PROXY", default=False)

SECURE_SSL_REDIRECT = not TARN_INSECURE_HTTP
SECURE_HSTS_SECONDS = 0 if TARN_INSECURE_HTTP else env.int("TARN_HSTS_SECONDS", default=2_592_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("TARN_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("TARN_HSTS_PRELOAD", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TARN_BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not TARN_INSECURE_HTTP
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 60 * 60  # a working day
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # Whether every other host of the domain speaks TLS is known to its owner, not to us.
    "security.W005",
    "security.W021",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "billing.people.backend.StaffBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# User and address together: a stranger can lock nobody out, an office shares no lock.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
# A locked-out person who tries again does not have to wait longer for it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "billing.people.lockout.client_name"
AXES_LOCKOUT_CALLABLE = "billing.people.lockout.locked"
AXES_SENSITIVE_PARAMETERS = ["login", "username", "code", "credential", "next"]
AXES_VERBOSE = False
AXES_IPWARE_PROXY_COUNT = 1 if TARN_BEHIND_PROXY else None
AXES_IPWARE_META_PRECEDENCE_ORDER = (
    ["HTTP_X_FORWARDED_FOR", "REMOTE_ADDR"] if TARN_BEHIND_PROXY else ["REMOTE_ADDR"]
)

# --- Signing in -------------------------------------------------------------------------------

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/admin/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/admin/login/"
ACCOUNT_ADAPTER = "billing.people.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}  # which is the e-mail address of everybody but the first
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]  # the password is asked for
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses are set by those who set up staff
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True  # for SESSION_COOKIE_AGE
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_FORMS = {"login": "billing.people.forms.SignInForm"}
# Failures are axes' to count, in the database; a cache of each process would count for itself.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": None,
    "reauthenticate": None,
    "change_password": None,
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
}
MFA_ADAPTER = "billing.people.factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Tarn"
# Browsers let passkeys be made on localhost without TLS; so does the demo.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = TARN_INSECURE_HTTP
MFA_FORMS = {
    "authenticate": "billing.people.forms.CodeForm",
    "reauthenticate": "billing.people.forms.CodeAgainForm",
}

# Single sign-on with OpenID Connect, if an issuer is named. Without one, no process carries the
# six megabytes of its HTTP client; it has no tables, so that it can come and go.
TARN_OIDC_ISSUER = env.str("TARN_OIDC_ISSUER", default="")
if TARN_OIDC_ISSUER:
    INSTALLED_APPS.append("allauth.socialaccount.providers.openid_connect")
SOCIALACCOUNT_ADAPTER = "billing.people.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_STORE_TOKENS = False
# A form that posts could not lead on to the issuer: the policy's form-action is our host alone.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = ""
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.str("TARN_OIDC_NAME", default="Single sign-on"),
                "client_id": env.str("TARN_OIDC_CLIENT_ID", default=""),
                "secret": env.str("TARN_OIDC_CLIENT_SECRET", default=""),
                "settings": {"server_url": TARN_OIDC_ISSUER},
            }
        ]
        if TARN_OIDC_ISSUER
        else [],
    }
}

# Mail, for passwords that were forgotten and notices about an account; none goes out without it.
EMAIL_URL = env.str("EMAIL_URL", default="")
TARN_SENDS_MAIL = bool(EMAIL_URL)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="tarn@localhost")
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))

# --- Static files -----------------------------------------------------------------------------

# Served from the installed packages by whitenoise: there is no build step to forget.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- Logs -------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logging_settings(LOG_LEVEL, show_messages=DEBUG)
