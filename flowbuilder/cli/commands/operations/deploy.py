"""`flowbuilder deploy`: create or update the Prefect deployments of sites."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import open_store, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.site_folder import site_records
from flowbuilder.devstack.runtime_state import use_running_prefect
from flowbuilder.errors import ConfigurationError, Refused


@click.command(cls=ResultCommand)
@click.option("--site", "sites", multiple=True, metavar="S", help="Deploy only this site. Repeatable.")
@click.option("--workflow", metavar="NAME", help="Deploy only this workflow.")
def command(sites: tuple[str, ...], workflow: str | None) -> CommandResult:
    """Create or update the Prefect deployments of sites.

    There is one deployment for each site and published workflow. Prints what changed; running it again changes
    nothing. Refuses a site whose reviewers could not decide a review of these workflows. Without --site, also deletes
    the deployments of sites whose file is gone.
    """
    options = settings()
    records = site_records(options.sites, sites)
    if not records:
        raise Refused(f"there are no site files in {options.sites}; set FLOWBUILDER_SITES to use another folder")
    use_running_prefect(options.home)
    store = open_store(options)
    from flowbuilder.prefect.deployments.reviewers import store_sites
    from flowbuilder.prefect.deployments.sync import deploy_sites

    try:
        store_sites(store, records, workflow=workflow)
    except ConfigurationError as problem:
        hint = "or deploy other sites with --site, other workflows with --workflow"
        raise ConfigurationError(f"{problem.message}; {hint}") from None
    changes = deploy_sites(store, options, records, workflow=workflow, remove=not sites)
    lines = []
    for change in changes:
        details = ", ".join(change.fields) or change.note
        lines.append(f"{change.action:<10} {change.name}" + (f"  ({details})" if details else ""))
    if not changes:
        lines.append("No published workflows. Next: flowbuilder push FILE, then flowbuilder publish NAME")
    data = [
        {"name": change.name, "change": change.action, "fields": list(change.fields), "note": change.note,
         "deployment_id": change.deployment_id}
        for change in changes
    ]  # fmt: skip
    return CommandResult(data={"deployments": data}, text="\n".join(lines))
