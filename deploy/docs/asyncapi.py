"""The AsyncAPI 3.0 document of the events: topics of deploy/topics.yaml, who sends and receives what, messages and examples.

Source: AsyncAPI 3.0.0; its Kafka bindings 0.5.0; CloudEvents Kafka protocol binding 1.0.2.
"""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.docs.schemas import DEAD_LETTER, EVENTS, PublishedEvent
from deploy.local.provision import topic_groups, wanted_topics
from libs.common.contracts.envelope import Event
from libs.common.ids import named_id
from libs.common.messaging import cloudevents, outbox
from libs.common.messaging.dead_letters import SUFFIX

_BINDING: Final = "0.5.0"
_TENANT: Final = "local"
_DESCRIPTION: Final = (
    "Denials of medical claims, as events. CloudEvents 1.0.2 in Kafka's binary mode: attributes in `ce_*` headers, JSON in the"
    " value. Delivery is at least once; `ce_id` with `ce_source` tells a repetition. The record's key is the claim key: everything"
    " about an account number is in one partition. Within version 1 an event only gains optional fields: ignore what you do not"
    " know. No event carries a patient's name, address, birth date or member number. docs/events/README.md shows how to subscribe."
)
_HEADERS: Final = {
    "ce_specversion": {"type": "string", "const": "1.0", "description": "CloudEvents version."},
    "ce_id": {"type": "string", "format": "uuid", "description": "Names the event, with `ce_source`; a repetition has the same."},
    "ce_source": {"type": "string", "description": "Who sends it: recours/ and the service."},
    "ce_type": {"type": "string", "description": "Event type with its version."},
    "ce_partitionkey": {"type": "string", "description": "The record's key."},
    "content-type": {"type": "string", "const": "application/json", "description": "Of the value."},
    "ce_tenantid": {"type": "string", "description": "The tenant whose event it is."},
    "ce_correlationid": {"type": "string", "description": "What began the chain: the interchange."},
    "ce_causationid": {"type": "string", "description": "What caused it: an event's id, or the interchange's."},
    "ce_sequence": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "Version of the event's aggregate, a decimal integer: a lower one never overwrites what a higher one said.",
    },
    "traceparent": {"type": "string", "description": "W3C trace context of the request that began it."},
    "ce_reason": {"type": "string", "description": "Dead letters only: why, a stable word."},
    "ce_replayof": {"type": "string", "description": "Only on a record that was replayed: the id of its dead letter."},
}
_OPTIONAL: Final = frozenset({"traceparent", "ce_reason", "ce_replayof"})


def asyncapi() -> dict[str, Any]:
    """Return the document."""
    _, schemas = msgspec.json.schema_components([event.data for event in EVENTS], ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Recours events",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": service} for service in _services()],
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Any broker of the cluster.",
                "variables": {"bootstrap": {"default": "127.0.0.1:19092", "description": "The local stack's broker."}},
            }
        },
        "channels": {_key(topic): _channel(topic, told) for topic, told in wanted_topics().items()},
        "operations": _operations(),
        "components": {
            "messages": {_name(event): _message(event) for event in EVENTS},
            "schemas": {
                "CloudEventHeaders": {
                    "type": "object",
                    "properties": _HEADERS,
                    "required": [name for name in _HEADERS if name not in _OPTIONAL],
                },
                **schemas,
            },
        },
    }


def _name(event: PublishedEvent) -> str:
    return event.data.__name__


def _key(name: str) -> str:
    """Return a name as the keys of the document spell it: no full stops."""
    return name.replace(".", "-").replace("_", "-")


def _event_of(topic: str) -> PublishedEvent:
    return DEAD_LETTER if topic.endswith(SUFFIX) else next(event for event in EVENTS if event.name == topic)


def _services() -> list[str]:
    producers = [event.producer for event in EVENTS if event.producer]
    return list(dict.fromkeys([*producers, *(group for groups in topic_groups().values() for group in groups)]))


def _channel(topic: str, told: dict[str, Any]) -> dict[str, Any]:
    event = _event_of(topic)
    config = told["config"]
    return {
        "address": topic,
        "summary": event.summary,
        "messages": {_name(event): {"$ref": f"#/components/messages/{_name(event)}"}},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": told["partitions"],
                "replicas": told["replication"],
                "topicConfiguration": {
                    "cleanup.policy": [config["cleanup.policy"]],
                    "retention.ms": int(config["retention.ms"]),
                    "max.message.bytes": int(config["max.message.bytes"]),
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations() -> dict[str, Any]:
    found = {}
    for event in EVENTS:
        if event.producer:
            found[_key(f"{event.producer}.send.{event.name}")] = _operation("send", event.producer, event.name)
    for topic, groups in topic_groups().items():
        for group in groups:
            group_id = {"bindings": {"kafka": {"groupId": {"type": "string", "const": group}, "bindingVersion": _BINDING}}}
            found[_key(f"{group}.receive.{topic}")] = _operation("receive", group, topic) | group_id
            found[_key(f"{group}.send.{topic}.{group}{SUFFIX}")] = _operation("send", group, f"{topic}.{group}{SUFFIX}")
    return found


def _operation(action: str, service: str, topic: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{_key(topic)}"},
        "summary": f"{service} {action}s {topic}",
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{_key(topic)}/messages/{_name(_event_of(topic))}"}],
    }


def _message(event: PublishedEvent) -> dict[str, Any]:
    own_type = {"type": "object", "properties": {"ce_type": {"const": event.type_name}}}
    return {
        "name": event.type_name,
        "title": _name(event),
        "summary": event.summary,
        "contentType": "application/json",
        "headers": {"allOf": [{"$ref": "#/components/schemas/CloudEventHeaders"}, own_type]},
        "payload": {"$ref": f"#/components/schemas/{_name(event)}"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": {"type": "string", "description": "The claim key."}, "bindingVersion": _BINDING}},
        "examples": [
            {"name": path.stem, "headers": example_headers(event, path), "payload": json.loads(path.read_bytes())}
            for path in event.examples()
        ],
    }


def example_headers(event: PublishedEvent, path: Path) -> dict[str, str]:
    """Return the headers of a published example, as outbox and relay write them."""
    data = json.loads(path.read_bytes())
    event_id = named_id("example", event.name, path.stem)
    interchange_id = str(named_id("example", "interchange"))
    sent = Event(
        topic=event.name,
        type=event.type_name,
        key=data.get("claim_key") or data.get("key") or data.get("subject_id") or str(event_id),
        tenant_id=_TENANT,
        sequence=0 if event is DEAD_LETTER else data.get("revision", 1),
        data=b"",
        id=event_id,
        correlation_id=interchange_id,
        causation_id=str(named_id("example", "cause")) if event.producer != "ingest" else interchange_id,
        traceparent=None if event is DEAD_LETTER else "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    kept = json.loads(outbox.row_of(sent)[-1])
    if event is DEAD_LETTER:
        kept["ce_reason"] = data["reason"]
    routed_by = sent.key.encode()
    source = f"recours/{event.producer or 'classifier'}"
    return {
        name: value.decode()
        for name, value in cloudevents.write_headers(event_id, source.encode(), event.type_name, routed_by, json.dumps(kept))
    }
