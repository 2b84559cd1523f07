"""The merchant-facing API over real HTTP: the seed documents, the official SDKs, and all that callers get wrong."""
