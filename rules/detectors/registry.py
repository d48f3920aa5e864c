"""The detectors there are: one visible dict, by rule id."""

from __future__ import annotations

from rules.detectors.burst_flow import BurstFlow
from rules.detectors.continuous_flow import ContinuousFlow
from rules.detectors.demand import Demand
from rules.detectors.detector import RuleDetector
from rules.detectors.meter_health import MeterHealth
from rules.detectors.minimum_night_flow import MinimumNightFlow
from rules.detectors.peer_usage import PeerUsage
from rules.detectors.power_quality import PowerQuality
from rules.detectors.reported import ReportedFault, ReportedLeak
from rules.detectors.suspected_appliance import SuspectedAppliance
from rules.detectors.threshold import Threshold
from rules.detectors.usage_profile import UsageProfile
from rules.detectors.zone_balance import ZoneBalance


def by_rule(*detectors: type[RuleDetector]) -> dict[str, type[RuleDetector]]:
    """The detectors by their rule id.

    Raises:
        ValueError: two with one id.
    """
    table: dict[str, type[RuleDetector]] = {}
    for detector in detectors:
        if detector.rule in table:
            raise ValueError(f"two detectors are called {detector.rule!r}")
        table[detector.rule] = detector
    return table


DETECTORS: dict[str, type[RuleDetector]] = by_rule(
    ContinuousFlow,
    MinimumNightFlow,
    BurstFlow,
    ZoneBalance,
    PeerUsage,
    UsageProfile,
    SuspectedAppliance,
    PowerQuality,
    Demand,
    MeterHealth,
    ReportedLeak,
    ReportedFault,
    Threshold,
)
