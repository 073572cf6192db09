"""Makers of the demo's chargers, as data. They are invented; their habits are those of real ones."""

from __future__ import annotations

from dataclasses import dataclass

from ocpplog_local.demo.meter import MeterStyle


@dataclass(frozen=True)
class Fault:
    """`error_code` as OCPP 1.6 section 7.6; `vendor_error_code` is the maker's own."""

    error_code: str
    vendor_error_code: str
    info: str = ""


@dataclass(frozen=True)
class Profile:
    """What is common to a maker's model. `power_w`: what a car draws at most, by connector."""

    vendor: str
    model: str
    firmware: str
    vendor_id: str
    meter_style: MeterStyle
    power_w: float
    faults: tuple[Fault, ...]
    direct_current: bool = False
    utc_offset_minutes: int | None = None
    milliseconds: bool = False
    sends_transaction_data: bool = False


HELIX = Profile(
    vendor="Helix Charging",
    model="HX-22",
    firmware="4.2.1",
    vendor_id="HLX",
    meter_style=MeterStyle.THREE_PHASE,
    power_w=22_000,
    faults=(
        Fault("OtherError", "CHARGER_DOOR_OPEN", "Service door open"),
        Fault("ConnectorLockFailure", "LOCK_TIMEOUT", "Plug not locked after 3 attempts"),
        Fault("GroundFailure", "RCD_TRIPPED", "Residual current 34 mA"),
    ),
    milliseconds=True,
    sends_transaction_data=True,
)

VOLTARA = Profile(
    vendor="Voltara",
    model="VT-60 Twin DC",
    firmware="2.18.0-r3",
    vendor_id="com.voltara",
    meter_style=MeterStyle.THREE_PHASE,
    power_w=60_000,
    faults=(
        Fault("EVCommunicationError", "E-0307", "PLC link lost in cable check"),
        Fault("HighTemperature", "E-0112", "Cable gun B 91 C"),
        Fault("PowerSwitchFailure", "E-0450", "Contactor K2 welded"),
    ),
    direct_current=True,
    milliseconds=True,
)

NORDKRAFT = Profile(
    vendor="Nordkraft",
    model="Wall One",
    firmware="1.9.44",
    vendor_id="NKR",
    meter_style=MeterStyle.ONE_PHASE,
    power_w=7_360,
    faults=(
        Fault("GroundFailure", "0x1F", "PE resistance"),
        Fault("OverCurrentFailure", "0x22"),
        Fault("EVCommunicationError", "0x31", "State transition"),
    ),
)

AMPERIA = Profile(
    vendor="Amperia",
    model="City Post 2",
    firmware="R7.0.12",
    vendor_id="Amperia GmbH",
    meter_style=MeterStyle.NO_PHASE,
    power_w=11_000,
    faults=(
        Fault("ConnectorLockFailure", "1042", "lock feedback missing"),
        Fault("PowerMeterFailure", "2007", "meter bus silent"),
        Fault("ReaderFailure", "3001"),
    ),
    utc_offset_minutes=60,
)
