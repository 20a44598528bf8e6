"""`attnc run`: a model on arrays, once."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from attncomp.cli.output import STDOUT, check_writable, write_file
from attncomp.cli.reporting import report, reporting_options
from attncomp.cli.show import SHOWN, check_show, draw_pictures, write_pictures
from attncomp.cli.sources import load, model_options, parse_options
from attncomp.diagnostics.core import Diagnostic, DiagnosticError, fail
from attncomp.diagnostics.suggest import nearest

if TYPE_CHECKING:
    import numpy as np

    from attncomp.api import Module

_RUNTIME = re.compile(r"(E07[0-9]): (.*)", re.DOTALL)


@click.command()
@click.argument("file")
@model_options
@click.option("--backend", default="numpy", show_default=True, help="What computes.")
@click.option("--weights", metavar="W.safetensors|W.npz", help="The weights, by key.")
@click.option(
    "--init", "seed", type=click.IntRange(min=0), metavar="SEED", help="Initial weights instead, from a seed."
)
@click.option("--strict/--no-strict", default=True, help="Whether the keys of the weights must be the model's exactly.")
@click.option("--inputs", metavar="IN.npz", help="The inputs, by name.")
@click.option("-o", "--output", required=True, metavar="OUT.npz", help="Where the results go, by name.")
@click.option(
    "--show", metavar="WHAT", help=f"Draw the attention weights and gates of the run; one of {', '.join(SHOWN)}."
)
@click.option("--pictures", metavar="DIR", help="Where the pictures go; a folder OUT.pictures if not given.")
@reporting_options
def run(
    file: str,
    model: str | None,
    options: tuple[str, ...],
    present: tuple[str, ...],
    backend: str,
    weights: str | None,
    seed: int | None,
    strict: bool,
    inputs: str | None,
    output: str,
    show: str | None,
    pictures: str | None,
) -> None:
    """Run a model on the arrays of an .npz file.

    An optional input is taken where the file has it. A result without a name is called `out`.
    """
    from attncomp import pipeline
    from attncomp.api import Module
    from attncomp.emission.registry import find_backend
    from attncomp.semantics.elaborate import choose_model

    if weights is not None and seed is not None:
        raise click.UsageError("--weights and --init exclude each other")
    if output == STDOUT:
        raise fail("E090", "the results are no text", help="give the name of an .npz file: `-o out.npz`")
    chosen = find_backend(backend)
    check_writable(output)
    folder = check_show(show, pictures, output)
    given = {} if inputs is None else _read_arrays(inputs)
    files = load(file)
    declaration = choose_model(files, model)
    optional = {one.name.text for one in declaration.inputs if one.default is not None}
    taken = {*present, *(optional & set(given))}
    built = pipeline.build(files, model=model, options=parse_options(options), present=taken)
    if built.warnings:
        report(built.warnings, files.sources)
    names = [str(node.attributes["name"]) for node in built.graph.nodes("input")]
    _check_names(names, given, inputs)
    module = Module(pipeline.complete(built, chosen))
    try:
        _fill(module, weights, seed, strict)
        result = module(*(given[name] for name in names))
        drawn = draw_pictures(module, {name: given[name] for name in names}, show) if show is not None else ()
    except (ValueError, TypeError) as error:
        raise _of_the_user(error) from error
    except MemoryError as error:
        raise fail("E033", f"there is not enough memory to run this: {error}") from None
    titles = [one.name or "out" for one in built.graph.results]
    values = [result] if len(titles) == 1 else list(result)
    arrays = {title: _array(value) for title, value in zip(titles, values, strict=True)}
    write_file(output, lambda stream: _write_arrays(stream, arrays))
    for title, array in arrays.items():
        click.echo(f"{title}: {array.dtype}{list(array.shape)}", err=True)
    write_pictures(drawn, folder)


def _fill(module: Module, weights: str | None, seed: int | None, strict: bool) -> None:
    if weights is not None:
        try:
            module.load(weights, strict)
        except OSError as error:
            raise fail("E072", f"cannot read weights from `{weights}`: {_reason(error)}") from None
    elif seed is not None:
        module.initialize(seed)
    elif module.parameters:
        count = len(module.parameters)
        raise fail(
            "E090",
            f"the model has {count} parameter{'' if count == 1 else 's'} and no weights are given",
            help="give them by `--weights FILE`, or fill them by `--init SEED`",
        )


def _read_arrays(path: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, without pickle. Raises DiagnosticError E090 where it cannot be read."""
    import numpy as np

    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array without a name")
        with archive:
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise fail("E090", f"cannot read inputs from `{path}`: {_reason(error)}") from None
    except (ValueError, EOFError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        help_ = "write the inputs by `numpy.savez(path, name=array)`"
        raise fail("E090", f"`{path}` is no .npz file of arrays: {error}", help=help_) from None


def _write_arrays(stream: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz file: any name will do, which `numpy.savez` cannot say, and the same arrays give the same bytes."""
    import numpy as np

    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _check_names(names: Iterable[str], given: Mapping[str, np.ndarray], path: str | None) -> None:
    """Raises DiagnosticError E071 with each input that is not given, and each array that is no input."""
    wanted = list(names)
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    where = f"`{path}`" if path is not None else "the command"
    mistakes = []
    for name in missing:
        close = nearest(name, unknown)
        help_ = f"it has `{close}`: is that the one?" if close else "give the inputs by `--inputs IN.npz`" * (not path)
        mistakes.append(Diagnostic("E071", f"{where} does not give the input `{name}`", help=help_))
    for name in unknown:
        known = ", ".join(f"`{one}`" for one in wanted) or "none"
        mistakes.append(Diagnostic("E071", f"{where} has `{name}`, which is no input", help=f"the inputs: {known}"))
    if mistakes:
        raise DiagnosticError(mistakes)


def _of_the_user(error: Exception) -> Exception:
    """What an emitted module says about weights and inputs, as a diagnostic; anything else as it is."""
    found = _RUNTIME.match(str(error))
    if found is None:
        return error
    head, *lines = found[2].split("\n")
    messages = [f"{head} {line.strip()}" for line in lines] or [head]
    return DiagnosticError([Diagnostic(found[1], message) for message in messages])


def _array(value: Any) -> np.ndarray:
    import numpy as np

    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
