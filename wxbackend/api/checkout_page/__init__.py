"""The buyer's own pages, which hold no secret and believe only the server."""
