"""A model as it is: what it wants, its runs, what each node holds of it. `controller.plans.model` decides on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from controller.actions import Object
from controller.observed import Context
from controller.plans.attempts import Prospect
from controller.plans.import_runs import ImportRuns, NodeResult, read_import_runs, unfinished_nodes
from controller.plans.model_inputs import Wanted
from controller.plans.node_records import Entry, entry_text, fits, is_full, is_renewed, read_entry
from controller.plans.placement import Place, places
from crds import labels
from crds.metadata import skips_config_parsing


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node and a model.

    Attributes:
        place: The node.
        config_map: The node's ConfigMap, or None.
        stored: The model's entry in it.
        entry: The entry as it should be, with what runs have brought since.
        is_running: Whether a run is at work there.
        prospect: When another attempt there is due.
    """

    place: Place
    config_map: Object | None
    stored: Entry | None
    entry: Entry | None
    is_running: bool
    prospect: Prospect

    def is_full(self, wanted: Wanted) -> bool:
        """Whether the node's ConfigMap has no room for it: what cannot be recorded there is not brought there."""
        return not self.holds(wanted) and is_full(self.config_map, wanted)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.place.name

    def holds(self, wanted: Wanted) -> bool:
        """Whether the wanted files are there."""
        return self.entry is not None and self.entry.status == labels.READY and self.entry.files == wanted.files

    def has(self, digest: str, wanted: Wanted) -> bool:
        """Whether the files of that manifest are in the wanted folder."""
        entry = self.entry
        is_there = entry is not None and entry.status == labels.READY and entry.path in ("", wanted.folder)
        return is_there and entry is not None and entry.digest == digest

    def is_target(self) -> bool:
        """Whether the model is to be here: a tainted node keeps what it has, and gets nothing."""
        return self.place.is_qualified and (not self.place.is_repelling or self.entry is not None)

    def is_left_over(self, wanted: Wanted) -> bool:
        """Whether something is here that is not to be: the node does not qualify, or the folder is another one."""
        if self.entry is None:
            return False
        return not self.place.is_qualified or (bool(self.entry.path) and self.entry.path != wanted.folder)


@dataclass(frozen=True)
class ModelState:
    """All that decides what is done about a model."""

    model: Object
    wanted: Wanted
    runs: ImportRuns
    nodes: tuple[NodeState, ...]
    gate: Prospect
    config: Mapping[str, Any] | None
    digest: str
    revision: str
    skips_parsing: bool

    @property
    def targets(self) -> tuple[NodeState, ...]:
        """Nodes that are to have it."""
        return tuple(node for node in self.nodes if node.is_target())

    @property
    def ready(self) -> tuple[NodeState, ...]:
        """Targets that have it."""
        return tuple(node for node in self.targets if node.holds(self.wanted))

    @property
    def is_updating(self) -> bool:
        """Whether a newer revision is on its way: what the status says that it is stays until that is there."""
        artifact = self.artifact
        is_another = bool(self.wanted.followed) and artifact.get("revision") != self.wanted.followed
        is_of_it = bool(artifact.get("digest")) and artifact.get("uri") == self.wanted.uri
        return is_another and is_of_it and not (self.is_cached and self.is_parsed)

    @property
    def is_behind(self) -> bool:
        """Whether the earlier revision is served until then: not when somebody else is to have signed it by now."""
        return self.is_updating and self.wanted.signer in ("", str(self.artifact.get("signedBy") or ""))

    @property
    def usable(self) -> tuple[NodeState, ...]:
        """Targets whose files may be served: the wanted ones, or, while these are on their way, the earlier."""
        if not self.is_behind:
            return self.ready
        digest = str(self.artifact.get("digest"))
        return tuple(node for node in self.targets if node.holds(self.wanted) or node.has(digest, self.wanted))

    @property
    def is_usable(self) -> bool:
        """Whether enough nodes have such files."""
        return self._is_enough(self.usable)

    @property
    def artifact(self) -> Mapping[str, Any]:
        """What the status says that it is."""
        return (self.model.get("status") or {}).get("artifact") or {}

    @property
    def lacking(self) -> tuple[NodeState, ...]:
        """Targets that do not."""
        return tuple(node for node in self.targets if not node.holds(self.wanted))

    @property
    def left_over(self) -> tuple[NodeState, ...]:
        """Nodes to clean."""
        return tuple(node for node in self.nodes if node.is_left_over(self.wanted))

    @property
    def is_at_work(self) -> bool:
        """Whether a run goes on that others wait for: one whose nodes that are left can start no pod holds up none.

        When it goes on after all and ends behind another one, its node is looked at once more, and has the files.
        """
        able = {node.name for node in self.nodes if node.place.can_start_pods}
        left = [unfinished_nodes(run) for run in self.runs.every if run.is_active]
        return any(not nodes or nodes & able for nodes in left)

    @property
    def is_cached(self) -> bool:
        """Whether enough nodes have it."""
        return self._is_enough(self.ready)

    def _is_enough(self, nodes: tuple[NodeState, ...]) -> bool:
        return len(nodes) >= max(self.wanted.min_ready or len(self.targets), 1)

    @property
    def is_parsed(self) -> bool:
        """Whether its facts are known, or nobody wants them."""
        return self.skips_parsing or self.config is not None

    @property
    def old_config(self) -> Mapping[str, Any]:
        """What was filled into the spec for the files before these: equal values are ours to renew."""
        old = (_facts_before(n.stored, self.wanted) for n in self.nodes if n.stored)
        return next((facts for facts in old if facts), {})


def observe_model(model: Object, wanted: Wanted, context: Context) -> ModelState:
    """Read the caches for one model."""
    runs = read_import_runs(model, wanted, context)
    artifact = (model.get("status") or {}).get("artifact") or {}
    before = {name: entry for name, entry in _stored(wanted, context).items() if entry[1] is not None}
    mine = [entry for _, entry in before.values() if entry is not None and entry.files == wanted.files]
    config = runs.facts() or next((entry.config for entry in mine if entry.config), None)
    digest = _with_algorithm(runs.told("manifest", "resolve")) or next((e.digest for e in mine if e.digest), "")
    revision = runs.told("revision", "resolve") or next((e.revision for e in mine if e.revision), "")
    is_of_it = artifact.get("uri") == wanted.uri and wanted.followed in ("", artifact.get("revision"))
    if not digest and is_of_it and not before:
        digest, revision = str(artifact.get("digest") or ""), str(artifact.get("revision") or "")
    results = runs.results()
    found = []
    for place in places(context.observed.list("Node"), wanted.storage):
        config_map = context.observed.get("ConfigMap", context.settings.namespace, place.name)
        stored = read_entry(entry_text(config_map, wanted.key))
        if stored is None:
            stored = _remembered(place, model, wanted, artifact)
        result = results.get(place.name)
        entry = _entry(stored, place, result, wanted, config)
        if entry is not None and config and is_renewed(model.get("spec") or {}, entry.facts_before, config):
            entry = replace(entry, facts_before={})
        if entry is not None and entry is not stored and not fits(config_map, wanted, entry):
            entry = stored
        found.append(
            NodeState(
                place=place,
                config_map=config_map,
                stored=stored,
                entry=entry,
                is_running=result is not None and result.task.phase == "Running",
                prospect=runs.on_node(place.name, context),
            )
        )
    annotations = {k: str(v) for k, v in (model["metadata"].get("annotations") or {}).items()}
    return ModelState(
        model=model,
        wanted=wanted,
        runs=runs,
        nodes=tuple(found),
        gate=runs.gate(context),
        config=config,
        digest=digest,
        revision=revision,
        skips_parsing=skips_config_parsing(annotations),
    )


def _stored(wanted: Wanted, context: Context) -> dict[str, tuple[Object, Entry | None]]:
    found = {}
    for node in context.observed.list("Node"):
        name = node["metadata"]["name"]
        config_map = context.observed.get("ConfigMap", context.settings.namespace, name)
        if config_map is not None:
            found[name] = (config_map, read_entry(entry_text(config_map, wanted.key)))
    return found


def _remembered(place: Place, model: Object, wanted: Wanted, artifact: Mapping[str, Any]) -> Entry | None:
    """What a node holds whose ConfigMap somebody deleted: its label and the status still say so."""
    value = place.labels.get(wanted.label)
    if value is None:
        return None
    is_ready = value == labels.READY and place.name in ((model.get("status") or {}).get("nodesReady") or ())
    is_same = is_ready and artifact.get("uri") == wanted.uri and str(artifact.get("signedBy") or "") == wanted.signer
    is_wanted = is_same and wanted.followed in ("", artifact.get("revision"))
    return Entry(
        status=labels.READY if is_same else labels.UPDATING,
        files=wanted.files if is_wanted else "",
        digest=str(artifact.get("digest") or "") if is_same else "",
        revision=str(artifact.get("revision") or "") if is_same else "",
        path=wanted.folder,
        node_uid=place.uid,
    )


def _entry(
    stored: Entry | None, place: Place, result: NodeResult | None, wanted: Wanted, config: Mapping[str, Any] | None
) -> Entry | None:
    """The entry as it should be. What a node has stays said until something else is there."""
    if stored is not None and stored.node_uid and place.uid and stored.node_uid != place.uid:
        stored = None  # another machine under the same name
    holds = stored is not None and stored.status == labels.READY
    if result is None:
        if holds and stored is not None and stored.files == wanted.files and config and not stored.config:
            return replace(stored, config=config)
        return stored
    run, task = result.run, result.task
    if task.phase == "Succeeded" and (digest := _with_algorithm(run.output("manifest", "resolve"))):
        return Entry(
            status=labels.READY,
            files=wanted.files,
            digest=digest,
            revision=run.output("revision", "resolve"),
            path=wanted.folder,
            run=run.uid,
            node_uid=place.uid,
            config=config or {},
            facts_before=_facts_before(stored, wanted) if stored is not None else {},
        )
    if holds or task.phase in ("Pending", "Succeeded"):
        return stored
    status = labels.FAILED if task.phase == "Failed" else labels.UPDATING
    return Entry(status=status, path=wanted.folder, run=run.uid, node_uid=place.uid)


def _facts_before(entry: Entry, wanted: Wanted) -> Mapping[str, Any]:
    """What was filled into the spec for files before the wanted ones, by an entry: as long as it may stand there."""
    return entry.facts_before or (entry.config if entry.files != wanted.files else {})


def _with_algorithm(digest: str) -> str:
    return f"sha256:{digest.removeprefix('sha256:')}" if digest else ""
