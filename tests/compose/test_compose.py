"""What can be said of compose.yaml without an engine that runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from quant_core.live import METRICS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
SUFFIXES = {"histogram": ("_bucket",), "counter": ("",), "gauge": ("",)}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def test_services(compose: dict[str, Any]) -> None:
    expected = {"kafka", "postgres", "minio", "mlflow", "prometheus", "grafana"}
    assert expected <= compose["services"].keys()
    for name, service in compose["services"].items():
        image = service.get("image") or service["build"]["dockerfile_inline"].split()[1]
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", image), name
        assert not image.endswith(":latest"), name
        for needed in service.get("depends_on", ()):
            assert needed in compose["services"], name


def test_ports_are_open_on_this_machine_alone(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
    on_host = {n for n, found in compose["services"].items() if "network_mode" in found}
    assert on_host == {"prometheus", "grafana"}
    assert "--web.listen-address=127.0.0.1:9090" in compose["services"]["prometheus"]["command"]
    assert compose["services"]["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD|SECRET")
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if secret.search(key):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{name}: {key}"
            password = re.search(r"//[^:/]+:([^@]*)@", str(value))
            if password:
                assert password[1].startswith("${"), f"{name}: {key}"


def test_what_is_mounted_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"


def test_the_dashboard_shows_every_metric_of_the_runner_and_no_other() -> None:
    dashboard = json.loads((FOLDER / "grafana/dashboards/runner.json").read_text())
    wanted = {
        f"{name}{suffix}" for name, (kind, _, _) in METRICS.items() for suffix in SUFFIXES[kind]
    }
    shown = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", target["expr"])
    }
    assert shown - {"histogram_quantile"} == wanted


def test_labels_of_the_dashboard_are_those_of_the_metrics() -> None:
    dashboard = json.loads((FOLDER / "grafana/dashboards/runner.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            (name,) = (name for name in METRICS if name in target["expr"])
            labels = {*METRICS[name][2], "le"}
            grouped = re.search(r"by \(([^)]*)\)", target["expr"])
            used = {*re.findall(r"{{(\w+)}}", target["legendFormat"])}
            used |= set(grouped[1].split(", ")) if grouped else set()
            assert used <= labels, panel["title"]


def test_the_dashboard_reads_the_provisioned_source() -> None:
    folder = FOLDER / "grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://127.0.0.1:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/runner.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    dashboard = json.loads((FOLDER / "grafana/dashboards/runner.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    scrape = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in scrape] == ["runner"]
