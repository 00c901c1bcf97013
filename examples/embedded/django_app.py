"""A Django project in one file that welcomes new people by mail, and retries while the mail server is away.

    django-admin runserver --pythonpath . --settings django_app

The manager lives in a thread behind the one bridge for synchronous code. It is opened at the first request, not at
import: a server that forks does so in between, and threads do not survive a fork.
"""

from __future__ import annotations

from functools import cache

from django.core.mail import send_mail
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from runwright import Blocking, Retry, Settings, TaskManager, task

DEBUG = True
SECRET_KEY = "only-for-this-example"  # noqa: S105 - nothing here is secret
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
ROOT_URLCONF = __name__
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"  # what it prints goes to the run's log
USE_TZ = True


@task(title="Welcome by mail", category="people", retry=Retry(max_retries=5, delay=10, on=(OSError,)))
def send_welcome(address: str) -> str:
    """Welcomes a new person."""
    send_mail("Welcome", "Good to have you here.", "team@example.com", [address])
    return f"welcomed {address}"


@cache
def jobs() -> Blocking:
    """The manager, opened once for each process; it is closed in good order when the process ends."""
    return TaskManager(Settings.load(), tasks=[send_welcome]).in_thread().open()


@csrf_exempt
@require_POST
def sign_up(request: HttpRequest) -> JsonResponse:
    run = jobs().start(send_welcome, {"address": request.POST["address"]})
    return JsonResponse({"welcome": f"/welcomes/{run.id}"}, status=202)


def welcome(request: HttpRequest, run_id: str) -> JsonResponse:
    run = jobs().get(run_id)
    return JsonResponse({"status": run.status, "result": run.result})


urlpatterns = [path("people", sign_up), path("welcomes/<run_id>", welcome)]
