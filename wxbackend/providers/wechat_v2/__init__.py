"""WeChat Pay API v2 for mainland merchants that were never moved to v3."""
