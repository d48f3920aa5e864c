"""The alert rules: Prometheus' own tool reads them, and plays them through."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from composed import ROOT

FOLDER = ROOT / "deploy" / "prometheus"


def promtool(*words: object) -> str:
    done = subprocess.run(["promtool", *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_reads_rules_and_configuration(tmp_path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", FOLDER / "alerts.yml")
    token = tmp_path / "token"
    token.write_text("t", encoding="utf-8")
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8").replace("/etc/prometheus/aquavolt-token", str(token))
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    (tmp_path / "alerts.yml").write_bytes((FOLDER / "alerts.yml").read_bytes())
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus.yml")


def test_alerts_come_when_they_should_and_only_then(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "alerts_test.yml").read_text(encoding="utf-8")
    (tmp_path / "test.yml").write_text(text.replace("ALERTS\n", f"{FOLDER / 'alerts.yml'}\n", 1), encoding="utf-8")
    promtool("test", "rules", tmp_path / "test.yml")


def test_each_alert_says_how_grave_it_is_and_what_happened() -> None:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
