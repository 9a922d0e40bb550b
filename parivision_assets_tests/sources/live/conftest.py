from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from parivision_assets.sources.live import Clock, LiveSettings, LiveSource
from parivision_assets_tests.sources.live.service import Service


@dataclass
class FakeTime:
    """Time that passes only by sleeping, and by `tick_s` each time somebody looks."""

    now_s: float = 1000.0
    tick_s: float = 0.0
    slept_s: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        self.now_s += self.tick_s
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds

    def clock(self, chance: float = 1.0) -> Clock:
        return Clock(self.monotonic, self.sleep, lambda: chance)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Service()
    yield running
    running.close()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def settings(service: Service) -> LiveSettings:
    return LiveSettings(base_url=service.url, read_timeout_s=0.2, min_interval_s=0)


@pytest.fixture
def source(settings: LiveSettings, time: FakeTime) -> Iterator[LiveSource]:
    live = LiveSource(settings, time.clock())
    yield live
    live.close()
