"""Both sides of the wire against a description of WeChat's endpoints that is not ours. Not part of `make test`."""
