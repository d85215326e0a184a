"""Sites from their files into the store."""

from __future__ import annotations

from flowbuilder.app import App
from flowbuilder.definition.site_folder import site_records
from flowbuilder.errors import NotFound
from flowbuilder.settings import Settings


def save_site(app: App, name: str, options: Settings) -> None:
    """Have the store know the site as its file says; one without a file may be in the store already."""
    try:
        records = site_records(options.sites, (name,))
    except NotFound:
        try:
            app.site(name)
        except NotFound:
            pass
        else:
            return
        raise
    for record in records:
        app.store.save_site(name, record)
