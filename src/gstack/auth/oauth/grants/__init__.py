"""The grants of the token endpoint, one file each: `async def grant(auth, request) -> Granted`."""
