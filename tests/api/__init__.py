"""The merchant-facing API over real HTTP: the seed documents, the official SDKs, and everything a caller may get wrong."""
