"""What the store packs comes out the same, whatever was packed before it, and takes little room among its like."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.packing import Packer, to_json

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["Pod", "Node"]), st.dictionaries(st.text(), _JSON, max_size=6)), max_size=8)
)
def test_what_is_packed_comes_out_the_same(items: list[tuple[str, dict[str, Any]]]) -> None:
    packer = Packer()
    packed = [packer.pack(kind, to_json(item)) for kind, item in items]
    assert [packer.unpack(each) for each in packed] == [item for _, item in items]


def test_what_is_alike_takes_a_tenth() -> None:
    packer = Packer()
    models = [
        to_json(
            {"spec": {"storage": {"storageUri": f"hf://acme/m-{n}"}}, "status": {"message": f"{n} " + "word " * 99}}
        )
        for n in range(100)
    ]
    packed = [packer.pack("BaseModel", each) for each in models]
    assert sum(map(len, packed)) < sum(map(len, models)) / 10


def test_more_sizes_than_examples_are_packed_without_one() -> None:
    packer = Packer()
    items = [{"kind": f"Kind{n}", "text": "x" * 100} for n in range(300)]
    packed = [packer.pack(item["kind"], to_json(item)) for item in items]
    assert [packer.unpack(each) for each in packed] == items


def test_large_objects_are_packed_too() -> None:
    item = {"nodes": {f"run-{n}": {"message": f"{n * 7919} of {n}"} for n in range(20_000)}}
    packer = Packer()
    packer.pack("Workflow", to_json(item))
    packed = packer.pack("Workflow", to_json(item | {"phase": "Succeeded"}))
    assert packer.unpack(packed) == item | {"phase": "Succeeded"}
    assert len(packed) < len(json.dumps(item)) / 2
