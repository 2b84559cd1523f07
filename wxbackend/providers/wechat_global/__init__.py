"""WeChat Pay across the border: the global API, signed as API v3 is; see `adapter`."""
