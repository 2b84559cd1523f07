"""API v2, the older dialect of WeChat Pay: XML, one symmetric key, the same books."""
