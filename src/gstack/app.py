"""Settings in, ASGI app out; the only file that imports every part.

One app lives in each worker process. Its parts are made when the worker starts (`process_startup`), since pools and
background tasks belong to the worker's event loop, and end when it stops: operations in flight give their leases back.
"""

import os
from typing import Any

import falcon
import falcon.asgi
import msgspec

from gstack import __version__, resources
from gstack.auth.auth import Auth, mount as mount_auth
from gstack.cloudstack.client import CloudStack
from gstack.config import Settings
from gstack.db.engine import create_engine, migrate
from gstack.db.sidecar_store import SidecarStore
from gstack.gateway import batch, documents, endpoint
from gstack.operations.journal import Operations
from gstack.resources.owners import resolve_owner
from gstack.serving import SETTINGS_VARIABLE
