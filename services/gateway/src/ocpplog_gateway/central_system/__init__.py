"""The built-in central system: it answers chargers that no central system is configured for. Rules, no I/O."""

from ocpplog_gateway.central_system.system import CentralSystem

__all__ = ["CentralSystem"]
