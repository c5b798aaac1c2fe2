"""Disks, disk types, images and snapshots."""
