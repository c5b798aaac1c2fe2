"""disks <-> volumes: read, created, changed."""
