"""The rooms behind networks, subnetworks, firewalls and machines' interfaces: what is there, and how it is made."""
