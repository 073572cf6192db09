"""The demo central system (CSMS): accepts every charge point, answers it, and sends it commands by plan.

In tests: `async with central_system(port=0) as server`, then `server.url` and `await server.send(charger_id, call.Reset(...))`.
"""

from ocpplog_local.demo.central_system.plan import Command, Plans, Step, demo_plans
from ocpplog_local.demo.central_system.server import CentralSystem, central_system

__all__ = ["CentralSystem", "Command", "Plans", "Step", "central_system", "demo_plans"]
