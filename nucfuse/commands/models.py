"""`nucfuse models`."""

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the cards of the networks as JSON.")
def models(as_json: bool) -> None:
    """List the models that `predict` knows by name."""
    from nucfuse.report import model_list

    click.echo(model_list.to_json() if as_json else model_list.to_text())
