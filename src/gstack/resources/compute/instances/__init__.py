"""Google's instances on CloudStack's virtual machines: one room per concern."""
