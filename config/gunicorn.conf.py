"""How gunicorn serves `app:app`. Everything here can be overridden on its command line."""

import os

bind = os.environ.get("WXBACKEND_BIND", "127.0.0.1:8000")
worker_class = "gthread"
# SQLite has one writer at a time: one process with many threads commits in groups.
workers = int(os.environ.get("WXBACKEND_WEB_PROCESSES", "1"))
# Threads needed = requests per second x seconds that WeChat takes to answer.
threads = int(os.environ.get("WXBACKEND_WEB_THREADS", "64"))
timeout = 60
graceful_timeout = 30
keepalive = 15
max_requests = 0
limit_request_line = 8190
# No access log: addresses can carry log-in codes. The application logs the matched route.
accesslog = None
errorlog = "-"
loglevel = "warning"
control_socket_disable = True
preload_app = False
# Who may speak for others is server.trusted_proxies alone.
forwarded_allow_ips = ""
