"""The foreign quality libraries: Great Expectations and, later, Evidently. Rules themselves live in core.contracts."""
