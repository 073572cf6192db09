"""The demo fleet: charge points that live a fast day, until they are stopped."""

from ocpplog_local.demo.fleet.charger import FleetCharger
from ocpplog_local.demo.fleet.run import run_fleet
from ocpplog_local.demo.fleet.tempo import DEMO_TEMPO, Tempo

__all__ = ["DEMO_TEMPO", "FleetCharger", "Tempo", "run_fleet"]
