"""Where bytes come from: one module per publisher, the synthetic league and the live service. Nothing is kept here."""
