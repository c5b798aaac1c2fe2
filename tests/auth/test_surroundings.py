"""gstack.auth.surroundings: what the console needs from elsewhere, and who gives it."""

from gstack.auth.surroundings import Place, Surroundings
from gstack.surroundings import ConsoleSurroundings


def test_the_product_gives_what_the_console_needs() -> None:
    """Every method that the console calls is there, under its name."""
    needed = {name for name in vars(Surroundings) if not name.startswith("_")}
    assert needed == {"zones", "texts", "authority"}
    assert needed <= set(vars(ConsoleSurroundings))


def test_a_place_may_have_no_service_account_yet() -> None:
    """Before the first key there is no e-mail; texts then read it from the key."""
    assert Place("https://localhost:5000", "demo", "", "").email == ""
