"""`flowbuilder deploy`: one Prefect deployment for each site and published workflow."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import open_store, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.site_folder import site_records
from flowbuilder.devstack.runtime_state import use_running_prefect
from flowbuilder.errors import Refused


@click.command(cls=ResultCommand)
@click.option("--site", "sites", multiple=True, metavar="S", help="Only this site; repeatable.")
@click.option("--workflow", metavar="NAME", help="Only this workflow.")
def command(sites: tuple[str, ...], workflow: str | None) -> CommandResult:
    """Make Prefect's deployments what the site files say, and print what changed. Doing it again changes nothing.

    Without --site, deployments of sites that have no file any more are removed.
    """
    options = settings()
    records = site_records(options.sites, sites)
    if not records:
        raise Refused(f"there are no site files in {options.sites}; FLOWBUILDER_SITES names another folder")
    use_running_prefect(options.home)
    store = open_store(options)
    for record in records:
        store.save_site(str(record["site"]), record)
    from flowbuilder.prefect.deployments.sync import deploy_sites

    changes = deploy_sites(store, options, records, workflow=workflow, remove=not sites)
    lines = []
    for change in changes:
        more = ", ".join(change.fields) or change.note
        lines.append(f"{change.action:<10} {change.name}" + (f"  ({more})" if more else ""))
    if not changes:
        lines.append("no workflow is published: flowbuilder push FILE, then flowbuilder publish NAME")
    data = [
        {"name": change.name, "change": change.action, "fields": list(change.fields), "note": change.note,
         "deployment_id": change.deployment_id}
        for change in changes
    ]  # fmt: skip
    return CommandResult(data={"deployments": data}, text="\n".join(lines))
