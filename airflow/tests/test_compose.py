"""compose.yaml says of every step what its pod says."""

import re

import pytest
import yaml
from conftest import PROJECT

from retune.loops import STEPS
from retune.steps import LOCKED

SERVICES = yaml.safe_load((PROJECT.parent / "compose.yaml").read_text())["services"]


def test_every_step_is_a_service_of_its_image():
    images = {name: service["image"] for name, service in SERVICES.items() if name != "store"}
    steps = [name.replace("_", "-") for name in STEPS.steps if name != "build_steps"]
    assert images == {name: f"retune/{name}:0.1.0" for name in steps}


def test_services_are_locked_down_as_pods_are():
    for service in SERVICES.values():
        assert service["read_only"] is LOCKED["readOnlyRootFilesystem"]
        assert service["cap_drop"] == LOCKED["capabilities"]["drop"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == ["/tmp"]


@pytest.mark.parametrize("name", ["store", "serving", "control"])
def test_what_knows_no_users_is_for_this_machine_alone(name):
    (port,) = SERVICES[name]["ports"]
    assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["store", "serving", "control"])
def test_the_services_are_probed_and_steps_wait_for_the_store(name):
    probe = SERVICES[name]["healthcheck"]["test"]
    port = SERVICES[name]["ports"][0].split(":")[-1]
    assert f"127.0.0.1:{port}" in probe[-1]
    for service in SERVICES.values():
        if service is not SERVICES["store"]:
            assert service["depends_on"] == {"store": {"condition": "service_healthy"}}


def test_the_ports_are_not_those_of_the_demo():
    ports = [
        re.search(r":-(\d+)\}", SERVICES[name]["ports"][0])[1]
        for name in ("store", "serving", "control")
    ]
    assert not {"8080", "27018"} & set(ports)


def test_control_takes_its_flags_and_files_from_the_current_folder():
    control = SERVICES["control"]
    assert control["command"] == "${RETUNE_CONTROL:-}"
    assert control["working_dir"] == "/work"
    assert control["volumes"] == ["${RETUNE_WORK:-.}:/work:ro"], "a token file is only read"
    assert "RETUNE_AIRFLOW_URL" in control["environment"]


def test_control_answers_to_the_name_of_this_machine_as_without_a_container():
    assert SERVICES["control"]["environment"]["RETUNE_HOSTS"] == "${RETUNE_HOSTS:-localhost}"
