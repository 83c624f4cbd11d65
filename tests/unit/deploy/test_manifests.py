"""deploy/k8s as Kustomize renders it: valid by the schemas of Kubernetes, and in keeping with itself and with the code.

The schemas are those that kubernetes-validate carries, read strictly: a field that does not exist is an error. What operators
define (KEDA, Strimzi, CloudNativePG) has no schema there: of those, what they name is held against what is there.
"""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy import acls, provision
from deploy.local.layout import ROOT, SERVICES
from deploy.local.provision import topic_groups
from libs.common.database import POOL_SIZE

K8S = ROOT / "deploy" / "k8s"
OVERLAYS = ("overlays/small", "overlays/large")
# The oldest and the newest Kubernetes that docs/deploy.md names.
VALID = [("overlays/small", "1.31"), ("overlays/large", "1.37"), ("operators", "1.31"), ("operators", "1.37")]
_OF_OPERATORS = {"ScaledObject", "TriggerAuthentication", "Kafka", "KafkaNodePool", "KafkaUser", "Cluster"}
_OF_OTHERS = 20  # connections of superusers, migrations, KEDA and copies of the database
_RENDERERS = (("kubectl", "kustomize"), ("kustomize", "build"))
# Who makes the secrets that deploy/provision.py does not: Strimzi (clusters, users) and CloudNativePG.
_BY_OPERATORS = {"recours-cluster-ca-cert": {"ca.crt"}, "recours-ca": {"ca.crt"}} | {
    user: {"password"} for user in (*SERVICES, "provision")
}


@cache
def rendered(folder: str) -> tuple[dict[str, Any], ...]:
    for command in _RENDERERS:
        if shutil.which(command[0]):
            done = subprocess.run([*command, str(K8S / folder)], capture_output=True, text=True, check=True)
            return tuple(yaml.safe_load_all(done.stdout))
    pytest.skip("neither kubectl nor kustomize is here to render deploy/k8s")


def of(folder: str, *kinds: str) -> list[dict[str, Any]]:
    return [each for each in rendered(folder) if each["kind"] in kinds]


def name(resource: dict[str, Any]) -> str:
    return str(resource["metadata"]["name"])


def pod_of(resource: dict[str, Any]) -> dict[str, Any]:
    return dict(resource["spec"]["template"]["spec"])


def containers(resource: dict[str, Any]) -> list[dict[str, Any]]:
    pod = pod_of(resource)
    return [*pod.get("initContainers", []), *pod["containers"]]


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    held = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return held and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", []))


@pytest.mark.parametrize(("folder", "version"), VALID)
def test_what_is_rendered_is_valid(folder: str, version: str) -> None:
    validated = [each for each in rendered(folder) if each["kind"] not in _OF_OPERATORS]
    assert len(validated) > 1
    for resource in validated:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_each_process_has_what_it_is_promised(folder: str) -> None:
    wanted = {f"{service}-{role}" for service in SERVICES for role in ("api", "worker")}
    deployments = {name(each): each for each in of(folder, "Deployment")}
    assert set(deployments) == wanted
    assert {name(each) for each in of(folder, "Job")} == {*(f"{service}-migrate" for service in SERVICES), "provision"}
    assert {name(each) for each in of(folder, "PodDisruptionBudget")} == wanted
    scaled = [each["spec"]["scaleTargetRef"]["name"] for each in of(folder, "HorizontalPodAutoscaler", "ScaledObject")]
    assert sorted(scaled) == sorted(wanted)
    for deployment in deployments.values():
        (container,) = pod_of(deployment)["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe", "resources"} <= set(container)
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        spreads = pod_of(deployment)["topologySpreadConstraints"]
        assert all(matches(each["labelSelector"], labels) and len(each["labelSelector"]["matchLabels"]) == 2 for each in spreads)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_selects_pods_selects_those_of_one_process(folder: str) -> None:
    pods = {name(each): each["spec"]["template"]["metadata"]["labels"] for each in of(folder, "Deployment", "Job")}
    for resource in of(folder, "Deployment", "PodDisruptionBudget", "Service"):
        selector = resource["spec"]["selector"]
        wrapped = selector if resource["kind"] != "Service" else {"matchLabels": selector}
        assert [pod for pod, labels in pods.items() if matches(wrapped, labels)] == [name(resource)], resource["kind"]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_container_is_confined(folder: str) -> None:
    for resource in of(folder, "Deployment", "Job"):
        assert (pod_of(resource)["securityContext"]["runAsNonRoot"], pod_of(resource)["automountServiceAccountToken"]) == (
            True,
            False,
        )
        for container in containers(resource):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The secrets that deploy/provision.py makes, as docs/deploy.md hands them to Kubernetes: name -> keys."""
    folder = tmp_path_factory.mktemp("secrets")
    provision.make_secrets(folder, "recours-rw:5432", "sslmode=verify-full")
    found = {each.name: {path.name for path in each.iterdir()} for each in folder.iterdir() if each.is_dir()}
    return {{"keys": "recours-keys", "provision": "recours-provision"}.get(each, each): keys for each, keys in found.items()}


def secrets_of(pod: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    """Yield volume, secret and, where keys are picked, key -> file name."""
    for volume in pod["volumes"]:
        for told in [volume, *volume.get("projected", {}).get("sources", [])]:
            if "secret" in told:
                items = told["secret"].get("items")
                picked = {each["key"]: each["path"] for each in items} if items else None
                yield volume["name"], told["secret"].get("secretName") or told["secret"]["name"], picked


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_file_that_a_process_is_told_of_is_in_a_secret_that_it_mounts(folder: str, made: dict[str, set[str]]) -> None:
    (config,) = of(folder, "ConfigMap")
    known = made | _BY_OPERATORS
    for resource in of(folder, "Deployment", "Job"):
        files: dict[str, set[str]] = {}
        for volume, secret, picked in secrets_of(pod_of(resource)):
            assert set(picked or {}) <= known[secret], secret
            files.setdefault(volume, set()).update(picked.values() if picked else known[secret])
        for container in containers(resource):
            mounted = {
                Path(mount["mountPath"]) / file for mount in container["volumeMounts"] for file in files.get(mount["name"], ())
            }
            told = {each["name"]: each["value"] for each in container.get("env", [])}
            told |= config["data"] if "envFrom" in container else {}
            named = {Path(value) for value in told.values() if value.startswith("/run/")}
            assert named <= mounted, name(resource)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_consumers_are_scaled_by_the_topics_that_they_read_and_not_beyond_their_partitions(folder: str) -> None:
    (job,) = [each for each in of(folder, "Job") if name(each) == "provision"]
    (partitions,) = [int(each.partition("=")[2]) for each in containers(job)[1]["args"] if each.startswith("--partitions")]
    found = set()
    for scaled in of(folder, "ScaledObject"):
        assert scaled["spec"]["maxReplicaCount"] <= partitions
        for trigger in scaled["spec"]["triggers"]:
            found.add((trigger["metadata"]["topic"], trigger["metadata"]["consumerGroup"]))
            assert name(scaled) == f"{trigger['metadata']['consumerGroup']}-worker"
    assert found == {(topic, group) for topic, groups in topic_groups().items() for group in groups}


def test_the_database_server_takes_the_connections_of_all_that_may_run() -> None:
    small, large = (_connections(folder) for folder in OVERLAYS)
    (cluster,) = of("operators", "Cluster")
    assert small + _OF_OTHERS <= int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
    assert f"| connections to PostgreSQL, at most | {small:,} | {large:,} |" in (ROOT / "docs" / "deploy.md").read_text()


def _connections(folder: str) -> int:
    most = {}
    for scaled in of(folder, "HorizontalPodAutoscaler", "ScaledObject"):
        spec = scaled["spec"]
        # One more while pods are replaced.
        most[spec["scaleTargetRef"]["name"]] = 1 + (spec["maxReplicas"] if "maxReplicas" in spec else spec["maxReplicaCount"])
    assert most.keys() == {name(each) for each in of(folder, "Deployment")}
    of_one = dict.fromkeys(most, POOL_SIZE + 2) | {f"{service}-api": POOL_SIZE for service in SERVICES}
    of_one["analytics-worker"] += POOL_SIZE + 1  # its process that posts webhooks
    of_one["classifier-worker"] += 1  # its process that makes a model
    return sum(count * of_one[process] for process, count in most.items())


@pytest.mark.parametrize("folder", OVERLAYS)
def test_nothing_reaches_anything_by_default_and_services_reach_those_that_they_ask(folder: str) -> None:
    policies = {name(each): each["spec"] for each in of(folder, "NetworkPolicy")}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    pods = {name(each): each["spec"]["template"]["metadata"]["labels"] for each in of(folder, "Deployment")}

    def reaches(caller: str, asked: str) -> bool:
        out = [policy for policy in policies.values() if matches(policy["podSelector"], pods[caller])]
        into = [policy for policy in policies.values() if matches(policy["podSelector"], pods[asked])]
        leaves = any(_names(rule["to"], pods[asked]) for policy in out for rule in policy.get("egress", []))
        return leaves and any(_names(rule["from"], pods[caller]) for policy in into for rule in policy.get("ingress", []))

    found = {(caller.split("-")[0], asked) for caller in pods for asked in pods if reaches(caller, asked)}
    asks = {"ingest": ["classifier"], "appeals": ["ingest", "classifier"], "analytics": ["ingest", "classifier", "appeals"]}
    assert found == {(caller, f"{asked}-api") for caller, all_asked in asks.items() for asked in all_asked}


def _names(peers: list[dict[str, Any]], labels: dict[str, str]) -> bool:
    """Say whether a pod of our own namespace is among the peers of a rule."""
    return any("podSelector" in peer and "namespaceSelector" not in peer and matches(peer["podSelector"], labels) for peer in peers)


def test_the_brokers_rules_are_those_that_services_need() -> None:
    found = set()
    for user in of("operators", "KafkaUser"):
        for acl in user["spec"].get("authorization", {}).get("acls", []):
            resource = acl["resource"]
            found |= {(name(user), each.lower(), resource["type"], resource["name"]) for each in acl["operations"]}
    assert found == {(rule.service, rule.operation, rule.kind, rule.name) for rule in acls.rules()}


def test_the_brokers_and_the_databases_are_named_alike_everywhere() -> None:
    (cluster,) = of("operators", "Cluster")
    (kafka,) = of("operators", "Kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    (config,) = of("overlays/small", "ConfigMap")
    assert config["data"]["RECOURS_KAFKA"] == f"{name(kafka)}-kafka-bootstrap:{listener['port']}"
    assert all(each["metadata"]["labels"]["strimzi.io/cluster"] == name(kafka) for each in of("operators", "KafkaUser"))
    assert name(cluster) == "recours"
    assert kafka["spec"]["kafka"]["authorization"]["superUsers"] == ["provision"]
