"""The deployment of docker-compose.yml, as far as it can be judged without an engine."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from cadenza.settings import Settings
from console.main import main
from monitoring.metrics import Process
from tests.deploy.compose import (
    ROOT,
    Compose,
    Service,
    compose,
    document,
    required_variables,
    variables,
)

DEPLOYMENT = compose(required_variables())
SERVICES = DEPLOYMENT.services
OURS = {name: service for name, service in SERVICES.items() if service.is_ours}
ROLES = {name: service for name, service in OURS.items() if service.runs_for_ever}
BY_NAME = pytest.mark.parametrize(("name", "service"), SERVICES.items(), ids=list(SERVICES))
OUR_OWN = pytest.mark.parametrize(("name", "service"), OURS.items(), ids=list(OURS))


def _compose_command() -> list[str] | None:
    """`docker compose`, if this machine's client has it."""
    if shutil.which("docker") is None:
        return None
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if asked.returncode == 0 else None


@pytest.mark.skipif(_compose_command() is None, reason="the docker client here has no compose")
def test_docker_compose_accepts_the_file() -> None:
    done = subprocess.run(
        [*(_compose_command() or ()), "--file", ROOT / "docker-compose.yml", "config", "--quiet"],
        env=os.environ | required_variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None,
    reason="the compose schema comes with check-jsonschema: pip install check-jsonschema",
)
def test_the_file_fits_the_schema_of_the_compose_specification() -> None:
    found = importlib.util.find_spec("check_jsonschema")
    assert found is not None
    assert found.origin is not None
    vendored = Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    problems = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document())]
    assert problems == []


def test_every_role_has_its_service() -> None:
    assert {service.command[0] for service in ROLES.values()} == set(Process)
    assert set(ROLES) == set(Process)


@OUR_OWN
def test_a_service_runs_a_command_that_exists(
    name: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in service.command if not word.startswith("-")]
    monkeypatch.setattr(sys, "argv", ["cadenza", *words, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0, f"there is no `cadenza {' '.join(words)}`"


@BY_NAME
def test_an_image_is_pinned_by_tag_and_digest_or_built_here(name: str, service: Service) -> None:
    if service.is_ours:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        assert service.image == f"cadenza:{project['project']['version']}"
        assert document()["services"][name]["build"] == "."
    else:
        assert re.fullmatch(r"[a-z/]+:v?\d+(\.\d+)+(-\w+)?@sha256:[0-9a-f]{64}", service.image)


@BY_NAME
def test_a_container_can_do_as_little_as_possible(name: str, service: Service) -> None:
    assert service.user.partition(":")[0] not in {"", "0", "root"}
    assert service.read_only
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]


@BY_NAME
def test_a_service_that_runs_for_ever_is_watched_and_started_again(
    name: str, service: Service
) -> None:
    if service.runs_for_ever:
        assert service.restart == "unless-stopped"
        assert service.init
        assert service.healthcheck.test[0] in {"CMD", "CMD-SHELL"}
        assert {"limits", "reservations"} <= service.deploy["resources"].keys()
    else:
        assert service.healthcheck.disable


@pytest.mark.parametrize("name", ROLES)
def test_the_health_of_a_role_is_asked_where_it_serves_it(name: str) -> None:
    environment = ROLES[name].environment
    port = environment[
        "CADENZA_EXPORTER_PORT" if name == Process.EXPORTER else "CADENZA_METRICS_PORT"
    ]
    assert f"http://127.0.0.1:{port}/healthz" in ROLES[name].healthcheck.test[-1]


@pytest.mark.parametrize("name", ROLES)
def test_prometheus_scrapes_a_role_by_the_name_of_its_service(name: str) -> None:
    jobs = _scrape_jobs()
    port = (
        9464 if name == Process.EXPORTER else int(ROLES[name].environment["CADENZA_METRICS_PORT"])
    )
    assert jobs[name]["names"] == [name]
    assert jobs[name]["port"] == port
    assert set(ROLES[name].networks) & set(SERVICES["prometheus"].networks)


def test_prometheus_scrapes_nothing_that_is_not_there() -> None:
    assert _scrape_jobs().keys() == ROLES.keys()


def _scrape_jobs() -> dict[str, Any]:
    path = ROOT / "monitoring" / "prometheus" / "prometheus.yml"
    jobs = YAML(typ="safe", pure=True).load(path)["scrape_configs"]
    return {j["job_name"]: j["dns_sd_configs"][0] for j in jobs if "dns_sd_configs" in j}


@BY_NAME
def test_what_a_service_refers_to_is_declared(name: str, service: Service) -> None:
    assert set(service.secrets) <= DEPLOYMENT.secrets.keys()
    assert set(service.networks) <= DEPLOYMENT.networks.keys()
    assert set(service.depends_on) <= SERVICES.keys()
    for volume in service.volumes:
        source = volume.partition(":")[0] if isinstance(volume, str) else volume["source"]
        if source.startswith("./"):
            assert (ROOT / source).exists()
        elif not source.startswith("/"):
            assert source in DEPLOYMENT.volumes


def test_nothing_is_declared_and_not_used() -> None:
    used: dict[str, set[str]] = {"secrets": set(), "networks": set(), "volumes": set()}
    for service in SERVICES.values():
        used["secrets"] |= set(service.secrets)
        used["networks"] |= set(service.networks)
        used["volumes"] |= {v.partition(":")[0] for v in service.volumes if isinstance(v, str)}
    assert used["secrets"] == DEPLOYMENT.secrets.keys()
    assert used["networks"] == DEPLOYMENT.networks.keys()
    assert {v for v in used["volumes"] if not v.startswith(".")} == DEPLOYMENT.volumes.keys()


@BY_NAME
def test_a_service_waits_for_what_is_ready_and_not_only_started(
    name: str, service: Service
) -> None:
    for needed, dependency in service.depends_on.items():
        is_one_shot = not SERVICES[needed].runs_for_ever
        expected = "service_completed_successfully" if is_one_shot else "service_healthy"
        assert dependency.condition == expected


@OUR_OWN
def test_a_role_waits_for_the_schema(name: str, service: Service) -> None:
    assert ("migrate" in service.depends_on) == (name != "migrate")


@OUR_OWN
def test_every_cadenza_variable_is_a_setting(name: str, service: Service) -> None:
    known = {f"CADENZA_{field.upper()}" for field in Settings.model_fields}
    for variable in service.environment:
        if variable.startswith("CADENZA_"):
            assert variable in known or variable.removesuffix("_FILE") in known


@OUR_OWN
def test_settings_load_from_what_a_service_is_given(
    name: str, service: Service, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in service.secrets:
        scheme = "redis://:" if secret == "redis_url" else ""
        (tmp_path / secret).write_text(f"{scheme}0123456789abcdef0123456789abcdef@valkey\n")
    given = {
        key: value.replace("/run/secrets/", f"{tmp_path}/")
        for key, value in service.environment.items()
    } | {"CADENZA_PUBLIC_URL": "https://go.example.com", "CADENZA_MAIL_DOMAIN": "reply.example.com"}
    monkeypatch.setattr(os, "environ", given)
    settings = Settings.load()
    assert settings.metrics_port == 9465
    if name == "gateway":
        assert settings.api_token is not None
        assert settings.gateway_host == "0.0.0.0"


@BY_NAME
def test_no_secret_is_in_the_environment_of_a_container(name: str, service: Service) -> None:
    for variable, value in service.environment.items():
        if re.search("PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL|REDIS_URL", variable):
            assert variable.endswith("_FILE")
            assert value.startswith("/run/secrets/")
            assert value.removeprefix("/run/secrets/") in service.secrets


def test_only_what_must_be_reached_is_published_and_locally_by_default() -> None:
    published = {name: service.ports for name, service in SERVICES.items() if service.ports}
    assert published.keys() == {"gateway", "mailbox", "grafana"}
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)


def test_nobody_outside_reaches_the_stores_and_they_reach_nobody() -> None:
    assert DEPLOYMENT.networks["data"]["internal"]
    assert DEPLOYMENT.networks["metrics"]["internal"]
    for store in ("postgres", "valkey"):
        assert SERVICES[store].networks == ["data"]
    for looker in ("prometheus", "grafana"):
        assert "data" not in SERVICES[looker].networks
    ways_out = {n for n, s in SERVICES.items() if {"outbound", "edge"} & set(s.networks)}
    assert ways_out == {"worker", "gateway", "mailbox", "grafana"}


def test_valkey_never_forgets_to_make_room() -> None:
    lines = (ROOT / "deploy" / "valkey.conf").read_text(encoding="utf-8").splitlines()
    assert "appendonly yes" in lines
    assert "maxmemory-policy noeviction" in lines


@pytest.mark.parametrize("missing", required_variables())
def test_the_deployment_refuses_to_start_without(missing: str) -> None:
    others = {name: value for name, value in required_variables().items() if name != missing}
    with pytest.raises(KeyError, match=missing):
        compose(others)


def test_the_example_names_every_variable_and_no_other() -> None:
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    assignments = re.findall(r"^(#?)(\w+)=", example, re.MULTILINE)
    assert {name for _, name in assignments} == {name for name, _ in variables()}
    set_by_user = {name for commented, name in assignments if not commented}
    assert set_by_user == required_variables().keys()


def test_the_defaults_in_the_example_are_those_of_the_file() -> None:
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"^#(\w+)=(.*)$", example, re.MULTILINE))
    assert compose(required_variables() | defaults) == DEPLOYMENT


def test_compose_reads_variables_as_described() -> None:
    scaled: Compose = compose(required_variables() | {"WORKERS": "9", "PUBLISH_ADDRESS": ""})
    assert scaled.services["worker"].deploy["replicas"] == "9"
    assert scaled.services["gateway"].ports == ["127.0.0.1:8600:8600"]
