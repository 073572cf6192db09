from __future__ import annotations

import os

import pytest

from support.manifests import OVERLAYS, Manifest, rendered


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """An overlay, rendered."""
    if "OCPPLOG_TEST_KUBECTL" not in os.environ:
        pytest.skip("`make test-deploy` renders the manifests")
    return rendered(f"overlays/{request.param}")
