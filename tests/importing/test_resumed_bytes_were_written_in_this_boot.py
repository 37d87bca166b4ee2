"""After a power cut a record may count bytes that never came to the disk: without a digest no such record is believed.

Another boot is one of another name: the records here are written anew with it, and the bytes they count are damaged.
"""

import hashlib
import uuid
from collections.abc import Mapping

import pytest

from steps.cache import models_root
from steps.cache.journal import read_journal, this_boot
from steps.cache.store import ObjectStore
from steps.cache.transfer import Transfer, begin_transfer
from steps.errors import IntegrityError
from steps.manifest import DigestAlgorithm, FileEntry
from tests.importing.models import noise

CONTENT = noise(3_000_000, 5)
LEFT = 900_000
DIGESTS: Mapping[DigestAlgorithm, str] = {
    "version": hashlib.sha256(b"bucket key etag size").hexdigest(),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
}


def entry(algorithm: DigestAlgorithm) -> FileEntry:
    return FileEntry(
        path="model.bin", size=len(CONTENT), algorithm=algorithm, digest=DIGESTS[algorithm], location="key"
    )


def begin(store: ObjectStore, file: FileEntry) -> Transfer:
    transfer = begin_transfer(store, file, 1)
    assert isinstance(transfer, Transfer)  # a small file's would have no record
    return transfer


def interrupt(file: FileEntry) -> ObjectStore:
    """A store in which the first bytes of a file have come."""
    store = ObjectStore(models_root())
    transfer = begin(store, file)
    transfer.write(0, CONTENT[:LEFT])
    transfer.close()
    return store


def lose_power(store: ObjectStore, file: FileEntry) -> None:
    """Leave a record as of an earlier boot, and zeros where the disk had not got the bytes."""
    record = store.progress(file)
    record.write_bytes(record.read_bytes().replace(this_boot(), str(uuid.uuid4()).encode()))
    with store.partial(file).open("r+b") as partial:
        partial.seek(LEFT // 2)
        partial.write(bytes(LEFT // 4))


def come_to_the_end(transfer: Transfer) -> None:
    for segment in list(transfer.pending):
        start, end = transfer.missing(segment)
        transfer.write(segment, CONTENT[start:end])
    try:
        transfer.finish()
    finally:
        transfer.close()


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_a_killed_download_goes_on_in_the_same_boot(algorithm: DigestAlgorithm) -> None:
    file = entry(algorithm)
    store = interrupt(file)
    transfer = begin(store, file)
    assert transfer.resumed_bytes == LEFT
    come_to_the_end(transfer)
    assert store.path(file).read_bytes() == CONTENT


def test_without_a_digest_nothing_of_another_boot_is_taken_for_the_file() -> None:
    file = entry("version")
    store = interrupt(file)
    lose_power(store, file)
    known = read_journal(store.progress(file), file.size)
    assert known is not None and sum(known.done) == 0, "what will not be used is not there"
    transfer = begin(store, file)
    assert transfer.resumed_bytes == 0
    come_to_the_end(transfer)
    assert store.path(file).read_bytes() == CONTENT
    assert store.content(file) == hashlib.sha256(CONTENT).hexdigest()


def test_without_a_digest_what_had_been_forced_to_the_disk_is_taken_in_another_boot() -> None:
    file = entry("version")
    store = ObjectStore(models_root())
    transfer = begin(store, file)
    transfer.write(0, CONTENT[: LEFT // 2])
    forced = transfer.sync()
    assert forced is not None
    forced.run()
    transfer.write(0, CONTENT[LEFT // 2 : LEFT])
    transfer.close()
    lose_power(store, file)
    for _ in range(2):  # the record is of this boot after the first
        transfer = begin(store, file)
        transfer.close()
        assert transfer.resumed_bytes == LEFT // 2
    transfer = begin(store, file)
    assert transfer.sync() is None, "nothing came since"
    come_to_the_end(transfer)
    assert store.path(file).read_bytes() == CONTENT


def test_a_record_without_a_boot_is_not_believed_without_a_digest() -> None:
    """As an older version wrote it."""
    file = entry("version")
    store = interrupt(file)
    record = store.progress(file)
    record.write_bytes(record.read_bytes().removesuffix(this_boot()))
    transfer = begin(store, file)
    transfer.close()
    assert transfer.resumed_bytes == 0


def test_with_a_digest_another_boot_goes_on_and_damage_is_found() -> None:
    file = entry("sha256")
    store = interrupt(file)
    lose_power(store, file)
    transfer = begin(store, file)
    assert transfer.resumed_bytes == LEFT
    with pytest.raises(IntegrityError, match="the manifest says"):
        come_to_the_end(transfer)
    assert not store.partial(file).exists()
