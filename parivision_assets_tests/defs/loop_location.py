"""The platform as a code location of tests, with one sensor; its settings come from the environment."""

import dagster as dg

from parivision_assets.definitions import build_definitions
from parivision_assets.settings import Settings

SENSOR = "retrain_shot_post_event_sensor"


def defs() -> dg.Definitions:
    """Return the platform without the other sensors."""
    whole = build_definitions(Settings())
    one = [sensor for sensor in whole.sensors or [] if sensor.name == SENSOR]
    return dg.Definitions(
        assets=whole.assets, jobs=whole.jobs, resources=whole.resources, executor=whole.executor, sensors=one
    )
