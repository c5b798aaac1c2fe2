"""Pure: GCE firewall rules -> the exact rule set of one kind of zone -> the difference -> the CloudStack calls.

`rules` reads Google's words, `groups` compiles to security groups, `acl` to a VPC's network ACL list. A kind that
cannot say what a rule says refuses it with the reason; nothing is ever opened wider than it was asked.
"""
