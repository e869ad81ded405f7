"""The examples for Kubernetes are valid: as its published schema has them, and as arobust itself reads their settings and flags.

The schema is the published one, from which the classes of Kubernetes' own Python client are generated: their fields, types and which are required.
A field that the API server would drop, or refuse, is an error here.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.process import AROBUST, Arobust, Process, wait_until
from kubernetes.client import models
from pydantic import ValidationError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "packaging/kubernetes").glob("*.yaml"))
KINDS = {("v1", "Namespace"), ("v1", "ConfigMap"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job")}


def problems(resource: dict[str, Any], kind: str) -> list[str]:
    """What of the resource the schema does not have, each with its place."""
    try:
        getattr(models, kind).model_validate(resource, extra="forbid", by_alias=True, by_name=False)
    except ValidationError as problem:
        return [f"{kind}.{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in problem.errors()]
    return []


def resources(example: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(example.read_text()))


def model_of(resource: dict[str, Any]) -> str:
    assert (resource["apiVersion"], resource["kind"]) in KINDS, f"a new kind: {resource['apiVersion']} {resource['kind']}"
    return f"V1{resource['kind']}"


def containers(resource: dict[str, Any]) -> list[dict[str, Any]]:
    spec = resource.get("spec", {}).get("template", {}).get("spec", {})
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_what_the_schema_says(example: Path) -> None:
    found = [problem for resource in resources(example) for problem in problems(resource, model_of(resource))]
    assert not found, "\n".join(found)


def test_a_misspelt_field_a_wrong_type_and_a_missing_field_are_seen() -> None:
    (daemonset,) = (one for path in EXAMPLES for one in resources(path) if one["kind"] == "DaemonSet")
    agent = containers(daemonset)[0]
    agent["livenessProbe"]["periodSecond"] = 1
    agent["securityContext"]["readOnlyRootFilesystem"] = "true"
    del daemonset["spec"]["selector"]
    container = "V1DaemonSet.spec.template.spec.containers.0"
    assert sorted(problem.partition(":")[0] for problem in problems(daemonset, "V1DaemonSet")) == [
        "V1DaemonSet.spec.selector",
        f"{container}.livenessProbe.periodSecond",
        f"{container}.securityContext.readOnlyRootFilesystem",
    ]


def test_volumes_that_are_mounted_are_there() -> None:
    for example in EXAMPLES:
        for resource in resources(example):
            spec = resource.get("spec", {}).get("template", {}).get("spec", {})
            declared = {volume["name"] for volume in spec.get("volumes", [])}
            mounted = {mount["name"] for container in containers(resource) for mount in container.get("volumeMounts", [])}
            assert mounted == declared, f"{example.name}, {resource['kind']}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_arobust_takes_the_settings_flags_and_probes(example: Path, arobust: Arobust) -> None:
    checked = 0
    settings = [one["data"]["arobust.yaml"] for one in resources(example) if one["kind"] == "ConfigMap"]
    token = arobust.scratch / "token"
    token.write_text("f" * 64)
    token.chmod(0o400)
    for text in settings:
        (arobust.scratch / "arobust.yaml").write_text(text.replace("/etc/arobust-token/token", str(token)))
    for container in (container for one in resources(example) for container in containers(one) if "/arobust:" in container["image"]):
        command, *flags = container["args"]
        assert command == "agent"
        flags = [flag.replace("/etc/arobust/arobust.yaml", str(arobust.scratch / "arobust.yaml")) for flag in flags]
        environment = {variable["name"]: "7" for variable in container["env"]}
        done = subprocess.run(
            [AROBUST, "config", "check", "--state-dir", arobust.state, *flags], env={"PATH": "/usr/bin", **environment}, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        for probe in ("startupProbe", "livenessProbe"):
            program, *words = container[probe]["exec"]["command"]
            assert program == "arobust"
            done = subprocess.run([AROBUST, *words, "--state-dir", arobust.state], text=True, capture_output=True)
            assert done.returncode == 1 and "no publisher" in done.stderr, f"{words}: {done.stderr}"
        checked += 1
    assert checked == 1


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_rights_are_enough(example: Path, arobust: Arobust) -> None:
    """With the user and the capabilities of the example, and no others, it takes a log as the runtime or the training makes it."""
    (pod, container) = next(
        (one["spec"]["template"]["spec"], container) for one in resources(example) for container in containers(one) if "/arobust:" in container["image"]
    )
    context = {**pod.get("securityContext", {}), **container["securityContext"]}
    user, group = context["runAsUser"], context["runAsGroup"]
    added = ",".join(f"+{name.lower()}" for name in context["capabilities"]["add"])
    assert context["capabilities"]["drop"] == ["ALL"]
    arobust.scratch.chmod(0o755)
    folder = arobust.scratch / "volume"
    folder.mkdir()
    log = folder / "train.log"
    log.write_text("a line\n")
    log.chmod(0o640)
    os.chown(folder, user, group)
    os.chown(log, user, group)
    command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", f"--bounding-set=-all,{added}", "--inh-caps=-all"]
    copy = folder / "copy.ndjson"
    words = [AROBUST, "agent", "--state-dir", folder / "state", "--log-file", log, "--stack-pid", str(os.getpid()), "--master", f"file://{copy}"]
    agent = Process("agent", [*command, *words], arobust.scratch)
    try:
        wait_until(lambda: copy.exists() and "a line" in copy.read_text(), lambda: f"the line; {agent.tail()}")
        assert agent.stop() == 0, agent.tail()
    finally:
        agent.kill()
