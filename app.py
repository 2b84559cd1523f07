"""gunicorn's door: read the settings, assemble, expose `app`."""

from __future__ import annotations

import os

from wxbackend.assembly import METRICS_VARIABLE, assemble, spare_the_collector, web_application
from wxbackend.logs import configure
from wxbackend.settings import load_settings

configure()
app = web_application(assemble(load_settings(), metrics_folder=os.environ.get(METRICS_VARIABLE)))
spare_the_collector()
