"""What people meet over HTTP, one package per service. It reads through `serving` and the stores, never `defs`."""
