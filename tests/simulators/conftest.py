from datetime import date

import pytest

from simulators.campus.campus import Campus, build_campus

EPOCH = date(2026, 10, 19)  # five ordinary weeks of an autumn term


@pytest.fixture(scope="session")
def campus() -> Campus:
    return build_campus(1, EPOCH)


@pytest.fixture(scope="session")
def healthy() -> Campus:
    return build_campus(1, EPOCH, faults=())
