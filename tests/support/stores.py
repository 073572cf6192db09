"""A log with all its tables: migrated once in each process of a run, then copied."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import clickhouse_connect

from ocpplog_common.clickhouse.migrate import migrate
from support.processes import local_clickhouse


def copy_tables(data: Path) -> None:
    """Make `data` the directory of a local ClickHouse that has database `ocpplog` with the tables of today, all of them empty.

    To migrate takes as much of the processor as to start the server, twice.
    """
    shutil.copytree(_migrated(), data, symlinks=True)


@functools.cache
def _migrated() -> Path:
    scratch = Path(tempfile.mkdtemp(prefix="ocpplog-tables-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    data = scratch / "clickhouse"
    with local_clickhouse(data) as store, clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client:
        migrate(client, "ocpplog")
    return data
