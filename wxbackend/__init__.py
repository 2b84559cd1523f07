"""wxbackend: a payment backend for WeChat Pay that a merchant runs itself."""

from __future__ import annotations

__version__ = "0.1.0"
