"""Google's document as the server reads it."""

from gstack.gateway.discovery import PATH_NAME, VERSIONS, default_kind, document, methods, schema


def test_every_method_of_the_document_is_known() -> None:
    """All thousand methods are there under their ids, with what their requests and answers are."""
    insert = methods()["compute.disks.insert"]
    assert len(methods()) > 1000
    assert (insert.http_method, insert.path) == ("POST", "projects/{project}/zones/{zone}/disks")
    assert (insert.request, insert.response) == ("Disk", "Operation")
    assert (insert.collection, insert.verb) == ("disks", "insert")
    assert insert.parameter_order == ("project", "zone")


def test_names_in_paths_are_relaxed_and_other_patterns_stay() -> None:
    """CloudStack's own names pass in paths; Google's patterns elsewhere hold."""
    get = methods()["compute.instances.get"].parameters
    assert {get[name]["pattern"] for name in ("project", "zone", "instance")} == {PATH_NAME}
    auto_delete = methods()["compute.instances.setDiskAutoDelete"].parameters
    assert auto_delete["deviceName"]["pattern"] == r"\w[\w.-]{0,254}"
    assert schema("Disk")["properties"]["name"]["pattern"] == "[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"


def test_the_revision_is_recorded_and_prose_is_not() -> None:
    """The document tells its revision, and holds no descriptions."""
    assert document()["revision"].isdigit()
    assert "description" not in document()["resources"]["disks"]["methods"]["insert"]
    assert "mtlsRootUrl" not in document()


def test_kinds_come_from_the_document() -> None:
    """A schema's kind is its default; some have none."""
    assert default_kind("Disk") == "compute#disk"
    assert default_kind("DiskList") == "compute#diskList"
    assert default_kind("DisksScopedList") == ""


def test_old_clients_find_their_version() -> None:
    """The old gcutil asks for v1beta16, gcloud for beta and alpha."""
    assert set(VERSIONS) == {"v1", "beta", "alpha", "v1beta16"}
