"""The gateway's own database: tokens, keys, the journal, and facts of Google's that have no place in CloudStack."""
