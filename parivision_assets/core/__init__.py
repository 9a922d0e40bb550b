"""The domain, pure: tables in, tables or small frozen dataclasses out. No I/O, no clock, no environment, no framework."""
