"""The only room that opens a socket to a provider or to WeChat."""
