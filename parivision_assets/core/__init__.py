"""The domain, pure: tables in, tables or small frozen dataclasses out. No I/O, clock, environment or framework."""
