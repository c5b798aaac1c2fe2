"""Methods of instances that CloudStack has nothing for; each 501 names the method and says why."""

from gstack.gateway.call import unserved

unserved(
    "compute.instances.suspend",
    "compute.instances.resume",
    why="CloudStack cannot keep a machine's memory while it is off. Use stop and start.",
)
unserved(
    "compute.instances.getSerialPortOutput",
    why="CloudStack's API does not hand out what a machine writes to its serial port. Use its console in CloudStack.",
)
unserved(
    "compute.instances.getScreenshot",
    why="CloudStack's API does not hand out pictures of consoles. Use the machine's console in CloudStack.",
)
unserved(
    "compute.instances.simulateMaintenanceEvent",
    "compute.instances.performMaintenance",
    "compute.instances.reportHostAsFaulty",
    why="Hosts and their maintenance are the cloud administrator's.",
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
    why="CloudStack takes no keys of yours. Use start.",
)
unserved(
    "compute.instances.addResourcePolicies",
    "compute.instances.removeResourcePolicies",
    why="Resource policies are not served here.",
)
unserved(
    "compute.regionInstances.bulkInsert",
    why="A region is one zone here. Use compute.instances.bulkInsert with that zone.",
)
