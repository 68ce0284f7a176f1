"""examples/kuberay.yaml: against the schema of KubeRay, where it is there, and against ragkit.

RAGKIT_KUBERAY_CRD names a copy of ray.io_rayclusters.yaml, KubeRay's own schema, to check with
(helm-chart/kuberay-operator/crds of github.com/ray-project/kuberay). It was checked with 1.6.2.
"""

import os
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from ragkit.cli.arguments.parser import parser
from ragkit.cli.arguments.serve import SERVE_PORT
from ragkit.settings import OTHER_VARIABLES, Settings
from tests.conftest import REPOSITORY

yaml = pytest.importorskip("yaml")

CLUSTER = yaml.safe_load((REPOSITORY / "examples" / "kuberay.yaml").read_text(encoding="utf-8"))
SPEC = CLUSTER["spec"]
GROUPS = [SPEC["headGroupSpec"], *SPEC["workerGroupSpecs"]]
CONTAINERS = [group["template"]["spec"]["containers"][0] for group in GROUPS]
# The fields of KubeRay 1.6.2 (ray-operator/apis/ray/v1/raycluster_types.go) that the file may have.
CLUSTER_FIELDS = {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
GROUP_FIELDS = {"rayStartParams", "template"}
HEAD_FIELDS = GROUP_FIELDS | {"serviceType"}
WORKER_FIELDS = GROUP_FIELDS | {"groupName", "replicas", "minReplicas", "maxReplicas"}


def strict(schema):
    """The schema, without fields that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    if "properties" in made and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made.pop("pattern", None)
    return made


@pytest.mark.skipif(
    "RAGKIT_KUBERAY_CRD" not in os.environ,
    reason="RAGKIT_KUBERAY_CRD names no copy of KubeRay's ray.io_rayclusters.yaml",
)
def test_the_file_follows_the_schema_of_kuberay():
    jsonschema = pytest.importorskip("jsonschema")
    definition = yaml.safe_load(Path(os.environ["RAGKIT_KUBERAY_CRD"]).read_text(encoding="utf-8"))
    (version,) = (each for each in definition["spec"]["versions"] if each["name"] == "v1")
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}  # Kubernetes' own
    jsonschema.validate(CLUSTER, schema)
    wrong = CLUSTER | {"spec": SPEC | {"workerGroups": []}}
    with pytest.raises(jsonschema.ValidationError, match="workerGroups"):
        jsonschema.validate(wrong, schema)


def test_the_file_has_the_fields_of_kuberay_and_those_that_it_requires():
    assert (CLUSTER["apiVersion"], CLUSTER["kind"]) == ("ray.io/v1", "RayCluster")
    assert set(SPEC) == CLUSTER_FIELDS
    assert set(SPEC["headGroupSpec"]) == HEAD_FIELDS
    assert all(set(group) == WORKER_FIELDS for group in SPEC["workerGroupSpecs"])
    for group in GROUPS:  # Ray's parameters are text
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_version_of_ray_is_the_one_that_is_tested():
    pinned = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").split()
    assert f"ray=={SPEC['rayVersion']}" in pinned


def test_every_container_starts_ray_and_keeps_its_files_in_a_volume():
    settings = {f"RAGKIT_{field.name.upper()}" for field in fields(Settings)}
    for group, container in zip(GROUPS, CONTAINERS, strict=True):
        assert container["command"] == ["/bin/bash", "-c", "--"]
        (line,) = container["args"]
        assert "$KUBERAY_GEN_RAY_START_CMD" in line  # the annotation switches KubeRay's own off
        values = {entry["name"]: entry.get("value") for entry in container["env"]}
        named = {name for name in values if name.startswith("RAGKIT_")} - {"RAGKIT_TOKEN"}
        assert named <= settings | set(OTHER_VARIABLES)
        assert values["RAY_USAGE_STATS_ENABLED"] == "0"
        (mount,) = container["volumeMounts"]
        assert values["RAGKIT_CACHE_DIR"] == mount["mountPath"]
        assert mount["name"] in {volume["name"] for volume in group["template"]["spec"]["volumes"]}
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_the_router_runs_a_command_that_ragkit_has():
    (line,) = CONTAINERS[2]["args"]
    command = line.split("until ", 1)[1].split(";", 1)[0]
    name, *arguments = shlex.split(command.replace('"$COLLECTION"', "s3://team/handbook"))
    parsed = parser().parse_args(arguments)
    assert (name, parsed.on, parsed.replicas, parsed.host) == ("ragkit", "ray://auto", 2, "0.0.0.0")
    assert CONTAINERS[2]["ports"][0]["containerPort"] == SERVE_PORT
    secret = next(entry for entry in CONTAINERS[2]["env"] if entry["name"] == parsed.token_env)
    assert secret["valueFrom"]["secretKeyRef"] == {"name": "ragkit", "key": "token"}
