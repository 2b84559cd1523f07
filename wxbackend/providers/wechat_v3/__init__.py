"""WeChat Pay API v3 for mainland merchants."""
