"""`parivision reports`: the drift reports as pages on this machine."""

from __future__ import annotations


def serve(host: str, port: int) -> None:
    """Serve until stopped; the application is named, so that the command line imports none of it."""
    import uvicorn

    uvicorn.run("app.reports:create_app", factory=True, host=host, port=port, log_level="warning")
