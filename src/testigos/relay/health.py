"""How a relay is: numbers for Prometheus, one word for a supervisor, a page for people.

Source of the format: Prometheus exposition formats, https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

import resource
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

import jinja2
import numpy as np

from testigos.model import iso_utc
from testigos.relay.clients import Account

__all__ = ["health", "metrics", "page", "status"]

_PARTS: Final = tuple(f.name for f in fields(Account))


def health(node: Any) -> dict[str, Any]:
    """``ok`` or what is wrong: every input is silent, or the node does not keep up."""
    faults = []
    if node.sources and all(s.silent or not s.connected for s in node.sources) and not node.config.mesh:
        faults.append("no input is heard")
    if node.overloaded:
        faults.append("overload")
    if node.mesh is not None and not node.mesh.connected:
        faults.append("no broker")
    return {"status": "ok" if not faults else "degraded", "faults": faults, "version": version("testigos")}


def _outlets(node: Any) -> list[dict[str, Any]]:
    told = []
    for outlet in node.outlets:
        account, stream = outlet.account(), outlet.stream
        told.append(
            {
                "name": outlet.name,
                "format": stream.link,
                "clients": outlet.connected,
                "refused": outlet.refused,
                "produced": stream.produced,
                "withheld": dict(sorted(stream.withheld.items())),
                "untold": stream.untold,
                **{part: getattr(account, part) for part in _PARTS},
                "waiting": account.waiting,
            }
        )
    return told


def status(node: Any) -> dict[str, Any]:
    """All that is known of the node, as JSON; in the worker, for it looks at the picture."""
    work = np.array(node.lag.work_s[-1000:] or [0.0])
    return {
        "node": node.config.name,
        "version": version("testigos"),
        "time": iso_utc(node.now_ns),
        "health": health(node),
        "objects": node.settled(),
        "reports": dict(sorted(node.picture.counters.items())),
        "updates": node.counters["updates"],
        "failed": node.counters["failed"],
        "batches": {
            "p50_ms": round(float(np.percentile(work, 50)) * 1e3, 1),
            "p99_ms": round(float(np.percentile(work, 99)) * 1e3, 1),
            "skipped": node.lag.skipped,
            "clock_jumps": node.clock.jumps,
        },
        "inputs": [
            {
                "name": s.name,
                "format": s.place.link,
                "connected": s.connected,
                "silent": s.silent,
                "bytes": s.received,
                "rows": dict(sorted(s.rows.items())),
                "overrun": s.overrun,
                "cut": s.cut,
                "refused": s.refused,
            }
            for s in node.sources
        ],
        "customers": _outlets(node),
        "mesh": None
        if node.mesh is None
        else {
            "connected": node.mesh.connected,
            "waiting": node.mesh.client.account.waiting,
            "sent": node.mesh.client.account.sent,
            **dict(sorted(node.mesh.counters.items())),
        },
    }


def metrics(node: Any) -> tuple[bytes, str]:
    """What ``/metrics`` answers, and its content type; in the worker."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
    from prometheus_client.exposition import CONTENT_TYPE_LATEST

    told = status(node)

    class _Numbers:
        def collect(self) -> Any:
            def counter(name: str, text: str, labels: list[str], values: list[tuple[list[str], float]]) -> Any:
                family = CounterMetricFamily(f"testigos_{name}", text, labels=labels)
                for of, value in values:
                    family.add_metric(of, value)
                return family

            def gauge(name: str, text: str, labels: list[str], values: list[tuple[list[str], float]]) -> Any:
                family = GaugeMetricFamily(f"testigos_{name}", text, labels=labels)
                for of, value in values:
                    family.add_metric(of, value)
                return family

            yield InfoMetricFamily(
                "testigos_node", "This node", value={"name": told["node"], "version": version("testigos")}
            )
            yield gauge("objects", "Objects in the picture", ["state"], [([k], v) for k, v in told["objects"].items()])
            yield counter("reports", "Reports, by what became of them", ["fate"],
                          [([k], v) for k, v in told["reports"].items()])  # fmt: skip
            yield counter("updates", "Updates of the picture", [], [([], told["updates"])])
            inputs, customers = told["inputs"], told["customers"]
            yield gauge("input_connected", "1 where it is", ["input"], [([i["name"]], i["connected"]) for i in inputs])
            yield gauge("input_silent", "1 where it is", ["input"], [([i["name"]], i["silent"]) for i in inputs])
            yield counter("input_bytes", "Bytes heard", ["input"], [([i["name"]], i["bytes"]) for i in inputs])
            yield counter("input_rows", "Rows decoded", ["input", "status"],
                          [([i["name"], k], v) for i in inputs for k, v in i["rows"].items()])  # fmt: skip
            yield counter("input_lost", "Pieces of input that were too much or too long", ["input", "why"],
                          [([i["name"], k], i[k]) for i in inputs for k in ("overrun", "cut", "refused")])  # fmt: skip
            yield gauge("customer_clients", "Connected", ["customer"], [([c["name"]], c["clients"]) for c in customers])
            yield counter("customer_produced", "Updates of the picture while it was there", ["customer"],
                          [([c["name"]], c["produced"]) for c in customers])  # fmt: skip
            yield counter("customer_withheld", "Updates that the policy withheld", ["customer", "why"],
                          [([c["name"], k], v) for c in customers for k, v in c["withheld"].items()])  # fmt: skip
            yield counter("customer_untold", "Updates that the format cannot say", ["customer"],
                          [([c["name"]], c["untold"]) for c in customers])  # fmt: skip
            for part in _PARTS:
                yield counter(f"customer_{part}", f"Updates to clients: {part}" if part != "bytes" else "Bytes sent",
                              ["customer"], [([c["name"]], c[part]) for c in customers])  # fmt: skip
            yield gauge("customer_waiting", "Updates that wait", ["customer"],
                        [([c["name"]], c["waiting"]) for c in customers])  # fmt: skip
            batches = told["batches"]
            yield gauge("batch_seconds", "Time that batches take", ["quantile"],
                        [(["0.5"], batches["p50_ms"] / 1e3), (["0.99"], batches["p99_ms"] / 1e3)])  # fmt: skip
            yield counter("batches_skipped", "Batches that came late", [], [([], batches["skipped"])])
            yield counter("clock_jumps", "Jumps of the system's clock", [], [([], batches["clock_jumps"])])
            yield counter("failed", "Parts that failed and were begun again", [], [([], told["failed"])])
            usage = resource.getrusage(resource.RUSAGE_SELF)
            yield counter("cpu_seconds", "Processor time", [], [([], usage.ru_utime + usage.ru_stime)])
            yield gauge("peak_memory_bytes", "Most memory used so far", [], [([], usage.ru_maxrss * 1024)])
            if told["mesh"] is not None:
                yield gauge("mesh_connected", "1 where the broker is there", [], [([], told["mesh"]["connected"])])
                yield gauge("mesh_waiting", "Messages that wait for the broker", [], [([], told["mesh"]["waiting"])])

    registry = CollectorRegistry()
    registry.register(_Numbers())
    return generate_latest(registry), CONTENT_TYPE_LATEST


@cache
def _page() -> jinja2.Template:
    text = files("testigos.relay").joinpath("status.html").read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)


def page(told: dict[str, Any]) -> str:
    """The status page of what ``status`` told."""
    return _page().render(**told)
