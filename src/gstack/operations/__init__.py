"""The journal of long work: every mutation is a row before it is sent, and a series of recorded steps after."""
