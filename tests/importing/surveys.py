"""Models roots as data, for tests of what decides from a survey."""

from pathlib import Path

from hypothesis import strategies as st

from steps.cache.folder import MarkedFile, Marker
from steps.cache.pending import PendingNote
from steps.cache.survey import Inode, InodeKey, Leftover, ModelFolder, StoredFile, Survey

ROOT = Path("/models")
NOW = 1_000_000_000.0
DAY = 24 * 3600.0


class Draft:
    """Gathers a survey, and knows all names of every inode."""

    def __init__(self) -> None:
        self.names: dict[InodeKey, list[Path]] = {}
        self.sizes: dict[InodeKey, int] = {}
        self.elsewhere: dict[InodeKey, int] = {}
        self.models: list[ModelFolder] = []
        self.objects: list[StoredFile] = []
        self.downloads: list[StoredFile] = []
        self.leftovers: list[Leftover] = []
        self.imports: list[PendingNote] = []
        self.others: list[InodeKey] = []
        self.claimed: frozenset[str] = frozenset()

    def file(self, size: int, elsewhere: int = 0) -> InodeKey:
        """A new file that has names outside the root too."""
        key = (1, len(self.sizes) + 1)
        self.sizes[key], self.elsewhere[key] = size, elsewhere
        self.names[key] = []
        return key

    def name(self, key: InodeKey, path: Path) -> Path:
        """Give a file a name."""
        self.names[key].append(path)
        return path

    def survey(self) -> Survey:
        """All of it."""
        inodes = {
            key: Inode(size, size, len(self.names[key]) + self.elsewhere[key]) for key, size in self.sizes.items()
        }
        return Survey(
            inodes=inodes,
            models=tuple(self.models),
            objects=tuple(self.objects),
            downloads=tuple(self.downloads),
            imports=tuple(self.imports),
            leftovers=tuple(self.leftovers),
            others=tuple(self.others),
            claimed=self.claimed,
        )


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Roots with models that share objects, damaged links, downloads, claims, notes and files of strangers."""
    draft = Draft()
    ages = st.sampled_from([0.0, 0.02 * DAY, 3 * DAY, 10 * DAY, 30 * DAY])
    size = st.integers(0, 50)
    stored = {}
    for number in range(draw(st.integers(0, 6))):
        key = draft.file(draw(size), draw(st.integers(0, 1)))
        path = draft.name(key, ROOT / ".ome/objects/sha256" / f"{number:064x}")
        stored[f"sha256/{path.name}"] = key
        draft.objects.append(StoredFile(path, f"sha256/{path.name}", key, NOW - draw(ages), draft.sizes[key]))
    names = sorted(stored)
    some = st.lists(st.sampled_from(names), max_size=4) if names else st.just([])
    for number in range(draw(st.integers(0, 4))):
        folder, marked = ROOT / f"model-{number}", []
        files: dict[str, InodeKey] = {}
        for position, name in enumerate(draw(some)):
            file = f"file-{position}"
            own = draw(st.booleans()) and draw(st.booleans())  # a copy that is not the object
            files[file] = draft.file(draw(size)) if own else stored[name]
            draft.name(files[file], folder / file)
            marked.append(
                MarkedFile(path=file, algorithm="sha256", digest=name[7:], size=1, inode=files[file][1], modified_ns=0)
            )
        files[".ome-model.json"] = draft.file(1)
        draft.name(files[".ome-model.json"], folder / ".ome-model.json")
        marker = Marker(
            manifest="m",
            uri="hf://a/b",
            home="",
            files=tuple(marked),
            model=f"ClusterBaseModel/m{number}",
            reserved=draw(st.integers(0, 3)) == 0,
        )
        is_readable = draw(st.integers(0, 5)) > 0
        draft.models.append(
            ModelFolder(
                path=folder,
                name=folder.name,
                marker=marker if is_readable else None,
                files=files,
                odd=(),
                last_used=NOW - draw(ages),
                is_needed=draw(st.booleans()) or not is_readable,
                is_as_verified=True,
            )
        )
    for number in range(draw(st.integers(0, 2))):
        key, digest = draft.file(draw(size)), f"{100 + number:064x}"
        path = draft.name(key, ROOT / ".ome/objects/sha256" / f"{digest}.partial")
        draft.downloads.append(StoredFile(path, f"sha256/{digest}", key, NOW - draw(ages), 0))
    for number in range(draw(st.integers(0, 2))):
        key = draft.file(draw(size))
        path = draft.name(key, ROOT / ".ome/staging" / f"removed-{number}" / "file").parent
        draft.leftovers.append(Leftover(path, (key,), NOW - draw(ages)))
    for number in range(draw(st.integers(0, 2))):
        noted = dict.fromkeys([*draw(some), *(d.name for d in draft.downloads if draw(st.booleans()))], 10)
        note = ROOT / ".ome/pending" / f"{number}.json"
        draft.imports.append(PendingNote(note, f"model-{draw(st.integers(0, 5))}", noted, NOW - draw(ages)))
    for number in range(draw(st.integers(0, 2))):
        draft.others.append(draft.file(draw(size)))
        draft.name(draft.others[-1], ROOT / f"notes-{number}.txt")
    draft.claimed = frozenset(draw(some))
    return draft
