"""The ``scalecore`` command."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Any, NoReturn

import click

from .. import __version__
from ._bayes_commands import bayes_command
from ._bound_commands import bound, figure1_command, frontier, isoflop_command
from ._comparison_commands import compare_command
from ._fitting_commands import fit_command
from ._network_commands import simulate, train_command
from ._planning_commands import plan_command, suggest_command
from ._report_command import report_command
from ._spectral_commands import figure2_command, spectrum_command
from ._sweep_commands import info, plot, sweep_group


class Commands(click.Group):
    """The commands; click would end them with status 1 where nobody reads what they write."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            end_as_others_do()


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="scalecore")
def main() -> None:
    """How large a model and how much data for a compute budget? Errors are in nats per sample.

    Options that take numbers also take lists, 1e6,1e9, and log-spaced ranges, 1e6:1e15:50 (50
    values including both ends). Several axes give all combinations.
    """


for command in (
    bound,
    frontier,
    isoflop_command,
    figure1_command,
    simulate,
    train_command,
    bayes_command,
    compare_command,
    fit_command,
    plan_command,
    suggest_command,
    report_command,
    spectrum_command,
    figure2_command,
    sweep_group,
    info,
    plot,
):
    main.add_command(command)


def run(arguments: list[str] | None = None) -> None:
    """Run the command; a mistake gives one line on stderr and exit status 2, anything else that
    fails one line and 1.
    """
    warnings.showwarning = lambda message, *where: click.echo(f"scalecore: {message}", err=True)
    try:
        status = main.main(arguments, prog_name="scalecore", standalone_mode=False)
        if sys.stdout is not None:  # closed: `>&-`
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        click.echo(
            f"scalecore: {error.format_message().splitlines()[0]}{_help_of(error)}", err=True
        )
        status = 2
    except click.exceptions.Abort:
        click.echo("scalecore: interrupted", err=True)
        status = 130
    except BrokenPipeError:  # `scalecore ... | head`
        end_as_others_do()
    except MemoryError as error:
        click.echo(f"scalecore: {error or 'not enough memory for so many points'}", err=True)
        status = 1
    except (ValueError, OverflowError) as error:
        click.echo(f"scalecore: {error}", err=True)
        status = 2
    except (ImportError, OSError, RuntimeError) as error:
        click.echo(f"scalecore: {error}", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def end_as_others_do() -> NoReturn:
    """Die of the pipe that nobody reads, without a word, as other Unix tools do (status 141)."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    sys.exit(141)


def _help_of(error: click.ClickException) -> str:
    """Say where to read on, where click's message does not say what is wanted."""
    context = getattr(error, "ctx", None)
    unknown = error.format_message().startswith(("Missing", "No such", "Got unexpected"))
    return f" (see {context.command_path} --help)" if context is not None and unknown else ""
