"""`parivision bets`: VirtualBets, play money and the data feed."""

from __future__ import annotations


def serve(host: str | None, port: int | None) -> None:
    """Serve until stopped, where the settings say unless told otherwise.

    The application is named, so that the command line imports none of it.
    """
    import uvicorn

    from parivision_assets.settings import BetsSettings

    own = BetsSettings()
    uvicorn.run(
        "app.bets:create_app",
        factory=True,
        host=host or own.host,
        port=own.port if port is None else port,
        log_level="warning",
        access_log=False,
    )
