"""`parivision api`: the PariVision API on this machine, in one or several worker processes."""

from __future__ import annotations

import os
import tempfile


def serve(host: str | None, port: int | None, workers: int) -> None:
    """Serve until stopped; the application is named, so that the command line imports none of it.

    Workers read the environment by themselves: what was asked for here is handed on in it.
    """
    import uvicorn

    from parivision_assets.settings import Settings

    if host is not None:
        os.environ["PARIVISION_API_HOST"] = host
    settings = Settings()
    api, scratch = settings.api, settings.home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="metrics-", dir=scratch) as folder:
        if workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        uvicorn.run(
            "app.api:create_app",
            factory=True,
            host=api.host,
            port=api.port if port is None else port,
            workers=workers,
            loop="auto",
            http="httptools",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=10,
        )
