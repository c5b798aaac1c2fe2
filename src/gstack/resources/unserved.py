"""Google's methods that CloudStack cannot do. The 501 of each names the method and says what to do instead."""

from gstack.gateway.call import unserved

unserved("compute.regionDisks.*", why="CloudStack's volumes are in one zone. Use compute.disks in that zone.")
unserved(
    "compute.regionInstances.*",
    why="A region is one zone here. Use compute.instances.bulkInsert with that zone.",
)
unserved(
    "compute.machineImages.*",
    why="CloudStack has no image of a whole machine. Make images of its disks (compute.images.insert).",
)
unserved(
    "compute.projects.moveInstance",
    "compute.projects.moveDisk",
    why="A CloudStack volume cannot leave its zone. Make an image of the disk: images are available in every zone.",
)
unserved(
    "compute.instances.suspend",
    "compute.instances.resume",
    why="CloudStack cannot keep a machine's memory while it is off. Use stop and start.",
)
unserved(
    "compute.instances.getSerialPortOutput",
    why="CloudStack's API does not give the output of serial ports. Use the machine's console in CloudStack.",
)
unserved(
    "compute.instances.getScreenshot",
    why="CloudStack's API does not give screenshots. Use the machine's console in CloudStack.",
)
unserved(
    "compute.instances.simulateMaintenanceEvent",
    "compute.instances.performMaintenance",
    "compute.instances.reportHostAsFaulty",
    why="Only the cloud's administrator manages hosts and their maintenance.",
)
unserved(
    "compute.instances.sendDiagnosticInterrupt",
    why="CloudStack cannot interrupt a machine. Use reset.",
)
unserved(
    "compute.instances.updateDisplayDevice",
    why="The console is CloudStack's own; there is no display to enable.",
)
unserved(
    "compute.instances.startWithEncryptionKey",
    why="CloudStack does not accept encryption keys. Use start.",
)
unserved(
    "compute.instances.addResourcePolicies",
    "compute.instances.removeResourcePolicies",
    why="Resource policies are not served here.",
)
