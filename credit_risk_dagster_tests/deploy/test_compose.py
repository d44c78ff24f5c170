"""What holds for the compose file, the Dockerfile and every file that they use."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from credit_risk_dagster.resources.instance import INSTANCE_CONFIG
from credit_risk_dagster_tests.deploy.compose import (
    COMPOSE_FILE,
    TOP,
    Service,
    composed,
    dependencies,
    mounts,
    services,
)

SERVICES = sorted(services())
DEPLOY = TOP / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
PROGRAMS = Path(sys.executable).parent

PUBLISHED = {
    "postgres": {5432},
    "mlflow": {5000},
    "dagit_proxy": {3080, 9090},
    "grafana": {3000},
    "pgadmin": {5050},
    "jupyter": {8892},
}
OURS = ("credit-risk-platform", "credit-risk-jupyter", "credit-risk-operations")
ONE_COMMAND = "operations"
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN")
UNMOUNTED = {".md", ".pyc"}
NEEDS_FILE_CAPABILITY = {"dagit_proxy", "pgadmin"}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    return services()[request.param]


def run(*command: str | Path, at: Path = TOP) -> "subprocess.CompletedProcess[str]":
    words = [str(PROGRAMS / command[0]), *(str(word) for word in command[1:])]
    return subprocess.run(words, capture_output=True, text=True, cwd=at, check=False)


def test_the_file_keeps_the_compose_specification() -> None:
    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE_FILE)

    assert checked.returncode == 0, checked.stdout


def test_the_dockerfile_passes_its_linter() -> None:
    checked = run("hadolint", DOCKERFILE)

    assert checked.returncode == 0, checked.stdout


def test_the_services_are_those_of_the_platform() -> None:
    assert SERVICES == [
        "dagit_proxy",
        "dagster_code",
        "dagster_daemon",
        "dagster_webserver",
        "exporter",
        "grafana",
        "jupyter",
        "mlflow",
        "operations",
        "pgadmin",
        "postgres",
        "prometheus",
        "spark_master",
        "spark_worker",
    ]


def test_only_spark_and_the_tools_of_operations_wait_to_be_asked_for() -> None:
    profiles = {name: one["profiles"] for name, one in services().items() if "profiles" in one}

    assert profiles == {
        "operations": ["operations"],
        "spark_master": ["spark"],
        "spark_worker": ["spark"],
    }


def test_every_port_is_published_on_the_loopback_address_only() -> None:
    published: dict[str, set[int]] = {}
    for name, one in services().items():
        for port in one.get("ports", []):
            address, outside, _ = port.split(":")
            assert address == "127.0.0.1", f"{name}: {port}"
            published.setdefault(name, set()).add(int(outside))

    assert published == PUBLISHED


@pytest.mark.parametrize("wide", ["0.0.0.0", "network_mode", "privileged", "docker.sock"])
def test_nothing_opens_the_host(wide: str) -> None:
    assert wide not in COMPOSE_FILE.read_text()


def test_every_image_is_pinned(service: Service) -> None:
    name, _, tag = service["image"].rpartition(":")

    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?", tag), service["image"]
    assert name


def test_our_images_carry_the_version_of_the_package() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    ours = {one["image"] for one in services().values() if "build" in one}

    assert ours == {f"{name}:{version}" for name in OURS}


def test_every_stage_of_the_dockerfile_starts_from_a_pinned_image() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE.read_text(), re.M)
    names = {name for _, name in stages}

    assert {image for image, _ in stages if image not in names} == {"python:3.11.13-slim-bookworm"}
    assert {one["build"]["target"] for one in services().values() if "build" in one} <= names


def test_no_container_runs_as_root(service: Service) -> None:
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", service["user"]), service["user"]


def test_the_images_of_the_dockerfile_do_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE.read_text(), re.M)

    assert users == ["10001:10001"]


def test_no_container_can_gain_privileges(request: pytest.FixtureRequest, service: Service) -> None:
    named = request.node.callspec.params["service"]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    allowed = ["NET_BIND_SERVICE"] if named in NEEDS_FILE_CAPABILITY else []
    assert service.get("cap_add", []) == allowed


@pytest.mark.parametrize("name", [name for name in SERVICES if name != ONE_COMMAND])
def test_every_service_is_watched_and_started_again(name: str) -> None:
    service = services()[name]
    check = service["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    assert service["restart"] == "unless-stopped"


def test_every_service_is_limited(service: Service) -> None:
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_whoever_waits_waits_for_a_healthy_service(service: Service) -> None:
    for needed in dependencies(service):
        assert service["depends_on"][needed] == {"condition": "service_healthy"}
        assert needed in SERVICES


def test_every_secret_is_required_and_none_has_a_default(service: Service) -> None:
    for name, value in service.get("environment", {}).items():
        for inside, kind in re.findall(r"\$\{(\w+)(:?[-?]?)", str(value)):
            assert not SECRET_NAME.search(inside) or kind == ":?", f"{name}: {value}"
        if SECRET_NAME.search(name):
            assert re.fullmatch(r"\$\{\w+:\?run make secrets\}", str(value)), f"{name}: {value}"
        assert not re.search(r"://\w+:[^$@/]+@", str(value)), f"{name} holds a password"


def test_every_mounted_file_is_there_and_mounted_read_only(service: Service) -> None:
    for mount in mounts(service):
        if mount.source.startswith("./"):
            assert (TOP / mount.source).exists(), mount
            assert mount.read_only, mount


def test_only_who_scores_or_backs_up_can_write_the_home() -> None:
    writers = {
        name
        for name, one in services().items()
        for mount in mounts(one)
        if mount.source == "home" and not mount.read_only
    }

    assert writers == {"dagster_code", "operations", "spark_worker"}


def test_every_named_volume_is_declared_and_used() -> None:
    used = {mount.source for one in services().values() for mount in mounts(one)}

    assert {source for source in used if source.isidentifier()} == set(composed()["volumes"])


def test_every_file_that_a_command_names_is_mounted(service: Service) -> None:
    words = [*service.get("entrypoint", []), *service.get("command", [])]
    named = [match for word in words for match in re.findall(r"(?:^|=)(/(?:etc|srv)/\S+)", word)]
    targets = {mount.inside: mount.source for mount in mounts(service)}

    for path in named:
        inside = max((one for one in targets if path.startswith(one)), key=len)
        assert (TOP / targets[inside] / Path(path).relative_to(inside)).exists(), path


def test_every_file_for_docker_is_used() -> None:
    used = [TOP / mount.source for one in services().values() for mount in mounts(one)]
    built = [DOCKERFILE, *(DEPLOY / "jupyter").iterdir(), DEPLOY / "write_secrets.py"]
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix not in UNMOUNTED]

    unused = [file for file in files if not {file, *file.parents} & {*used, *built}]
    assert [str(file.relative_to(TOP)) for file in unused] == []


def test_the_lock_of_jupyter_agrees_with_the_platforms() -> None:
    def versions(lock: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock.read_text(), re.M))

    platform = versions(TOP / "requirements.lock")
    jupyter = versions(DEPLOY / "jupyter" / "requirements.lock")

    assert {name: jupyter[name] for name in jupyter.keys() & platform.keys()} == {
        name: platform[name] for name in jupyter.keys() & platform.keys()
    }
    assert "jupyterlab" in jupyter


def test_both_instances_let_one_run_at_a_time_write_the_datamart() -> None:
    production = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    embedded = yaml.safe_load(INSTANCE_CONFIG)

    for shared in ("concurrency", "telemetry", "nux"):
        assert production[shared] == embedded[shared], shared


def test_a_run_that_died_in_one_service_is_one_of_this_host_for_the_other() -> None:
    assert services()["dagster_code"]["hostname"] == services()["operations"]["hostname"]


@pytest.mark.parametrize("name", ["spark_master", "spark_worker"])
def test_spark_gets_no_option_with_an_equals_sign_which_it_does_not_read(name: str) -> None:
    assert [word for word in services()[name]["command"] if re.match("--.*=", word)] == []
