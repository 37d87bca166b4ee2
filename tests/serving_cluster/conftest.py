"""The API server for the tests of this folder."""

from tests.apiserver.fixture import api_server as api_server
from tests.apiserver.fixture import ome_api_server as ome_api_server
