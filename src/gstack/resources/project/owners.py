"""Whose things a URL's project means: the caller's account, or a CloudStack project, by name or by Google's number.

A CloudStack project is known by its uuid too.
"""

from collections.abc import Sequence

from gstack.cloudstack.client import Client
from gstack.gateway.call import Caller, Owner
from gstack.resources.inventory.projects import CloudStackProject
from gstack.resources.shared.image_families import PUBLIC_PROJECTS
from gstack.resources.shared.naming import gce_id


async def resolve_owner(cloudstack: Client, caller: Caller, project: str) -> Owner | None:
    """Find whose things `project` means for this caller; None where it is nobody the caller may speak for.

    The account's own name wins over a CloudStack project of that name. Names are compared with case. The caller's
    projects are remembered for seconds; before a name is called unknown they are read again, except for the names of
    Google's public image projects.
    """
    if project in {caller.account, gce_id(caller.account_id)}:
        return Owner(caller.account_id, caller.account)
    own = cloudstack.in_project(None)
    found = _named(await own.reference("listProjects", CloudStackProject), project)
    if found is None and project not in PUBLIC_PROJECTS:
        found = _named(await own.reference("listProjects", CloudStackProject, fresh=True), project)
    return Owner(found.id, found.name, found.id) if found else None


def _named(projects: Sequence[CloudStackProject], name: str) -> CloudStackProject | None:
    active = [project for project in projects if project.state == "Active"]
    by_name = [project for project in active if project.name == name]
    by_id = [project for project in active if name in {project.id, gce_id(project.id)}]
    return next(iter(by_id or by_name), None)
