"""Networks, subnetworks and firewalls."""
