"""Pictures of QR codes over HTTP."""
