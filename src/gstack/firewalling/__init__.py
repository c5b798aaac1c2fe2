"""Firewall rules, translated purely: GCE rules -> the rule set of one kind of zone -> the CloudStack commands.

`rules` reads Google's firewall bodies. `groups` translates them to security groups, `acl` to a VPC's network ACL list.
Each refuses a rule that its kind of zone cannot express, with the reason. No translation opens more than the rule does.
"""
