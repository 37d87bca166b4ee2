"""What the executor writes is what the planner meant: patches, conflicts, refusals and events, on a real server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.actions import (
    Action,
    ApplyObject,
    CopySecret,
    CreateObject,
    DeleteObject,
    EmitEvent,
    Object,
    PatchObject,
    WriteStatus,
)
from controller.api import Api, ApiError, connect
from controller.events import EventRecorder
from controller.execute import Executor, NotLeadingError, StaleError, merge_patch
from controller.metrics import Metrics
from controller.resources import watched
from controller.store import Change, Store
from tests.apiserver.client import ApiRefusedError
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.trivial import config_map, model, workflow

_LEAF = st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2) | st.lists(st.integers(0, 2), max_size=2)
_STATUS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(_LEAF, lambda inner: st.dictionaries(st.sampled_from("abc"), inner)),
    max_size=3,
)


def _patched(old: Any, patch: Any) -> Any:
    """RFC 7386, as its text has it."""
    if not isinstance(patch, dict):
        return patch
    found = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _patched(found.get(key), value)
    return found


@settings(max_examples=200)
@given(_STATUS, _STATUS)
def test_the_patch_makes_the_planned_status_of_any_other(old: Object, new: Object) -> None:
    patch = merge_patch(old, new)
    assert _patched(old, patch) == new
    assert (patch == {}) == (old == new)


def test_null_in_a_planned_status_is_a_field_that_is_not_there() -> None:
    assert merge_patch({"a": 1, "b": {"c": 1}}, {"a": None, "b": {"c": 1, "d": None}}) == {"a": None}


class Bench:
    """An executor on a real API server, and what changed through it."""

    def __init__(self, api: Api) -> None:
        self.metrics = Metrics()
        self.store = Store(watched("ome"))
        self.changes: list[Change] = []
        self.events = EventRecorder(api, "tests", self.metrics)
        self.may_write = True
        self.executor = Executor(
            api, self.store, self.changes.append, self.events, lambda: self.may_write, self.metrics
        )

    async def do(self, *actions: Action) -> None:
        """Carry out actions in order."""
        for action in actions:
            await self.executor.carry_out(action)

    def held(self, name: str) -> Object:
        """The model as the store has it."""
        found = self.store.get("ClusterBaseModel", "", name)
        assert found is not None
        return found

    def write(self, name: str, status: Object) -> WriteStatus:
        """A status for the model as the store has it."""
        return WriteStatus("ClusterBaseModel", "", name, self.held(name)["metadata"]["resourceVersion"], status)


def _on(server: ApiServer, steps: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        api = await connect(server.kubeconfig, Metrics())
        try:
            await asyncio.wait_for(steps(Bench(api)), 60)
        finally:
            await api.close()

    asyncio.run(run())


def test_each_action_does_what_it_says_and_again_is_harmless(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        await bench.do(CreateObject(model(name)))
        await bench.do(bench.write(name, {"phase": "A", "nodes": {"a": 1, "b": 2}}))
        await bench.do(bench.write(name, {"phase": "B", "nodes": {"b": 3}}))
        await bench.do(bench.write(name, {"phase": "B", "nodes": {"b": 3}}))
        assert engine_server.admin.get(model(name))["status"] == {"phase": "B", "nodes": {"b": 3}}
        twice: list[Action] = [CreateObject(workflow("ome", name)), ApplyObject(config_map("ome", name))]
        await bench.do(*twice, *twice)
        assert len(bench.store.runs("import-model", "ClusterBaseModel", "", name)) == 1
        assert bench.store.get("ConfigMap", "ome", name) is not None
        delete = DeleteObject("Workflow", "ome", name=f"import-{name}")
        await bench.do(delete, delete)
        seen = [change.key.kind for change in bench.changes]
        assert seen == ["ClusterBaseModel"] * 3 + ["Workflow", "ConfigMap"]

    _on(engine_server, steps)


def test_what_changed_since_the_plan_is_not_overwritten(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        await bench.do(CreateObject(model(name)))
        version = bench.held(name)["metadata"]["resourceVersion"]
        engine_server.admin.patch(model(name), {"spec": {"vendor": "acme"}})
        for action in (
            bench.write(name, {"phase": "Old"}),
            PatchObject("ClusterBaseModel", "", name, {"spec": {"vendor": None}}, version),
        ):
            with pytest.raises(StaleError):
                await bench.do(action)
        found = engine_server.admin.get(model(name))
        assert "status" not in found
        assert found["spec"]["vendor"] == "acme"
        bench.store.observe(found)
        with pytest.raises(StaleError):
            await bench.do(WriteStatus("ClusterBaseModel", "", name, version, {"phase": "Old"}))
        await bench.do(bench.write(name, {"phase": "New"}))

    _on(engine_server, steps)


def test_what_is_gone_is_planned_again(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        await bench.do(CreateObject(model(name)))
        engine_server.admin.delete(model(name))
        with pytest.raises(StaleError):
            await bench.do(bench.write(name, {"phase": "A"}))

    _on(engine_server, steps)


def test_a_copied_secret_holds_the_keys_asked_for_and_is_not_kept(engine_server: ApiServer, name: str) -> None:
    tenant = engine_server.new_namespace(name)
    source: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": tenant},
        "data": {"HF_TOKEN": "c2VjcmV0", "other": "b3RoZXI="},
    }
    engine_server.admin.create(source)

    async def steps(bench: Bench) -> None:
        copy = CopySecret(tenant, "token", "ome", name, ("HF_TOKEN", "absent"), {"a": "b"})
        with pytest.raises(StaleError, match="is there now"):
            await bench.executor.carry_out(copy)
        assert not await bench.executor.carry_out(copy), "nothing has changed"
        held = bench.store.get("Secret", "ome", name)
        assert held is not None
        assert set(held) == {"apiVersion", "kind", "metadata"}
        await bench.do(CopySecret(tenant, "missing", "ome", f"{name}-none", ("HF_TOKEN",)))
        assert bench.store.get("Secret", "ome", f"{name}-none") is None
        copied = engine_server.admin.get(source | {"metadata": {"name": name, "namespace": "ome"}})
        assert (copied["data"], copied["metadata"]["labels"]) == ({"HF_TOKEN": "c2VjcmV0"}, {"a": "b"})
        engine_server.admin.delete(source)
        with pytest.raises(StaleError, match="not to be used any more"):
            await bench.executor.carry_out(copy)
        with pytest.raises(ApiRefusedError):
            engine_server.admin.get(copied)

    _on(engine_server, steps)


def test_one_that_does_not_lead_writes_nothing(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        bench.may_write = False
        with pytest.raises(NotLeadingError):
            await bench.do(CreateObject(workflow("ome", name)))
        bench.may_write = True
        await bench.do(CreateObject(workflow("ome", name)))
        assert bench.metrics.text().count(
            'ome_controller_submissions_total{template="import-model",outcome="created"} 1'
        )

    _on(engine_server, steps)


def test_a_refusal_carries_the_servers_words_and_a_remedy(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        with pytest.raises(ApiError, match='the namespace of the provided object|namespaces "nowhere" not found'):
            await bench.do(CreateObject(workflow("nowhere", name)))

    _on(engine_server, steps)

    async def without_rights() -> None:
        api = await connect(engine_server.kubeconfig_of("ome", "nobody"), Metrics())
        try:
            with pytest.raises(ApiError, match="cannot list resource") as refused:
                await api.call("list", "/api/v1/nodes")
            assert "`ome install` puts its roles back" in refused.value.remedy
        finally:
            await api.close()

    asyncio.run(without_rights())


def test_what_is_said_again_is_counted_and_not_written_again(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        await bench.do(CreateObject(model(name)))
        event = EmitEvent(bench.held(name), "Warning", "Slow", "the same words")
        await bench.do(event)
        await bench.events.flush(10)
        await bench.do(*[event] * 99, EmitEvent(bench.held(name), "Normal", "Other", "x" * 3000))
        await bench.events.flush(10)

    _on(engine_server, steps)
    found = engine_server.admin.request("GET", "/api/v1/namespaces/default/events")["items"]
    mine = {each["reason"]: each for each in found if each["involvedObject"]["name"] == name}
    assert sorted(mine) == ["Other", "Slow"]
    assert (mine["Slow"]["count"], mine["Slow"]["type"]) == (100, "Warning")
    assert mine["Slow"]["involvedObject"]["kind"] == "ClusterBaseModel"
    assert len(mine["Other"]["message"]) == 1024


def test_events_that_cannot_be_written_fail_nothing(engine_server: ApiServer, name: str) -> None:
    async def steps(bench: Bench) -> None:
        ghost = model(name) | {"metadata": {"name": name, "namespace": "nowhere"}}
        await bench.do(EmitEvent(ghost, "Normal", "A", "b"))
        await bench.events.flush(10)
        assert 'ome_controller_events_total{outcome="failed"} 1' in bench.metrics.text()

    _on(engine_server, steps)


def test_a_storm_of_events_is_bounded_counted_and_told_once(
    engine_server: ApiServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(bench: Bench) -> None:
        await bench.do(*(EmitEvent(model(name), "Normal", "Storm", f"words {number}") for number in range(2100)))
        assert 'ome_controller_events_total{outcome="dropped"} 100' in bench.metrics.text()

    _on(engine_server, steps)
    assert [record.message for record in caplog.records if "dropped" in record.message] == [
        "events are dropped, 2000 wait; the first: Storm: words 2000"
    ]
