"""Django's admin list and Django REST framework's JSON over the benchmark firm: ``DATABASE ROUNDS OWN_DATABASE``."""

from __future__ import annotations

import sys
from typing import Any

import django
from calling import tell
from django.conf import settings

FILE, ROUNDS, OWN = sys.argv[1], int(sys.argv[2]), sys.argv[3]
FIELDS = ("code", "date", "partner", "warehouse", "expected_date", "amount", "total", "status", "execution_status",
          "owner")  # fmt: skip
ENGINE = "django.db.backends.sqlite3"
BEFORE = "django.template.context_processors.request", "django.contrib.auth.context_processors.auth", \
    "django.contrib.messages.context_processors.messages"  # fmt: skip


class Apart:
    """The firm's tables are in its own file, sessions and people in another."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Where a model is."""
        return None if model._meta.managed else "firm"

    def allow_relation(self, *_given: Any, **_hints: Any) -> bool:
        """Any two may."""
        return True


settings.configure(
    DEBUG=False, SECRET_KEY="bench" * 8, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=False, STATIC_URL="/s/",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", DATABASE_ROUTERS=[Apart()],
    DATABASES={"default": {"ENGINE": ENGINE, "NAME": OWN, "CONN_MAX_AGE": None},
               "firm": {"ENGINE": ENGINE, "NAME": FILE, "CONN_MAX_AGE": None}},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages", "rest_framework"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": BEFORE}}],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination", "PAGE_SIZE": 50,
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
)  # fmt: skip
django.setup()

from django.contrib import admin  # noqa: E402 - Django must be set up first
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402


class Named(models.Model):
    """Something with a name."""

    name = models.TextField()

    class Meta:
        """Made by us, not by Django."""

        abstract, managed, app_label = True, False, "auth"

    def __str__(self) -> str:
        return str(self.name)


class Partner(Named):
    """Whom one buys from."""

    class Meta(Named.Meta):
        """Its table."""

        abstract, db_table = False, "partner"


class Warehouse(Named):
    """Where it is put."""

    class Meta(Named.Meta):
        """Its table."""

        abstract, db_table = False, "warehouse"


class Order(models.Model):
    """The same ten columns as ours."""

    code, date, expected_date = models.TextField(), models.DateField(), models.DateField()
    partner = models.ForeignKey(Partner, models.DO_NOTHING, db_column="partner")
    warehouse = models.ForeignKey(Warehouse, models.DO_NOTHING, db_column="warehouse")
    amount, total, owner = models.BigIntegerField(), models.BigIntegerField(), models.BigIntegerField()
    status, execution_status = models.TextField(), models.TextField()

    class Meta:
        """Its table."""

        managed, app_label, db_table = False, "auth", "purchase_order"


@admin.register(Order)
class Orders(admin.ModelAdmin):  # type: ignore[misc]
    """The list as its documentation has it."""

    list_display = FIELDS
    list_filter = ("status",)
    list_per_page = 50
    list_select_related = ("partner", "warehouse")
    show_full_result_count = False

    def lookup_allowed(self, *_given: Any) -> bool:
        """Any column may be asked for."""
        return True


class Shown(serializers.ModelSerializer):  # type: ignore[misc]
    """An order as JSON."""

    partner = serializers.StringRelatedField()
    warehouse = serializers.StringRelatedField()

    class Meta:
        """Its columns."""

        model, fields = Order, ("id", *FIELDS)


class Api(viewsets.ReadOnlyModelViewSet):  # type: ignore[misc,type-arg]
    """The list as JSON."""

    serializer_class = Shown

    def get_queryset(self) -> Any:
        """What the address asks for."""
        asked = self.request.query_params
        found = Order.objects.filter(partner=asked["partner"], status=asked["status"])
        return found.select_related("partner", "warehouse").order_by("-date", "-code")


routes = routers.SimpleRouter()
routes.register("orders", Api, basename="orders")
urlpatterns = [path("admin/", admin.site.urls), path("api/", include(routes.urls))]


def logged_in() -> str:
    """A session of somebody who may see everything."""
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.backends.db import SessionStore

    person = User.objects.filter(username="admin").first() or User.objects.create_superuser("admin", "", "secret")
    ContentType.objects.get_or_create(app_label="auth", model="order")
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = person.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


PAGES = {
    "list page, HTML": "/admin/auth/order/?partner__id__exact=7&status__exact=approved&o=-2.-1",
    "list page, JSON": "/api/orders/?partner=7&status=approved",
}
tell(get_wsgi_application(), PAGES, ROUNDS, logged_in())
