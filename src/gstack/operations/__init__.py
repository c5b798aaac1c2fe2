"""The journal: every change is a row before it is sent, and then a series of recorded steps."""
