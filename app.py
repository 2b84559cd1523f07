"""gunicorn's door: read the settings, assemble, expose `app`."""

from __future__ import annotations

from wxbackend.assembly import assemble, web_application
from wxbackend.logs import configure
from wxbackend.settings import load_settings

configure()
app = web_application(assemble(load_settings()))
