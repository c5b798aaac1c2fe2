"""The gateway's own database: tokens, keys, the journal, and Google's facts that CloudStack has no place for."""
