"""One file per revision, oldest first by `down_revision`."""
