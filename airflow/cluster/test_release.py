"""The life cycle of a release on a cluster: install, upgrade, roll back, uninstall."""

import base64
import json
import uuid

import pytest

from cluster.release import NAME, UNTIL_THERE, Release, wait_for


@pytest.fixture
def own():
    made = Release(f"retune-{uuid.uuid4().hex[:8]}")
    try:
        made.install()
        yield made
    finally:
        made.remove()


def settings(release):
    secret = json.loads(release.kubectl("get", "secret", NAME, "--output", "json"))
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


def test_a_release_is_upgraded_rolled_back_and_leaves_nothing_behind(own):
    before = settings(own)
    assert before == {
        "RETUNE_MONGO_URI": f"mongodb://{NAME}-store.{own.namespace}.svc:27018/retune"
    }
    changed = own.values()
    changed["secret"] = {"settings": {"RETUNE_EMAIL_TO": "people@example.com"}}
    changed["loops"] = {"churn": "name: churn"}
    changed["control"] = {"enabled": True}

    own.apply("upgrade", changed)

    assert settings(own) == {**before, "RETUNE_EMAIL_TO": "people@example.com"}
    assert "churn.yaml" in own.kubectl("get", "configmap", f"{NAME}-loops", "--output", "yaml")

    own.helm("test", NAME, "--timeout", "2m")  # the control service reaches the store

    own.helm("rollback", NAME, "1", *UNTIL_THERE)

    assert settings(own) == before

    own.helm("uninstall", NAME, "--wait", "--timeout", "3m")

    wait_for("The last pod's end", lambda: not own.left(), 60)
