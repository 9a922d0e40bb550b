"""Where things are kept: landing zone, tables, ledger, model registry, serving bundles and state."""
