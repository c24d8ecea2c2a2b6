"""The stages of a meta-portfolio in the audit trail: what each read, and what it changed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from quant_core.canonical import digest_array, digest_parts
from quant_core.clock import clock
from quant_core.context import MetaContext
from quant_core.meta._nesting import nested

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quant_core.ledger import Action, Ledger
    from quant_core.meta._config import MetaConfig
    from quant_core.meta._portfolio import MetaPortfolio
    from quant_core.meta._tables import MetaTables

__all__ = ["MetaRecorder"]


class MetaRecorder:
    """Books the stages of a run: each success record says what changed of every portfolio.

    Parameters
    ----------
    ledger : Ledger
        The audit trail.
    run_id : str
        Identity of the run.
    root : str
        The outermost portfolio.
    metas : mapping of str to MetaConfig
        Configurations by name.

    Attributes
    ----------
    contexts : dict of str to MetaContext
        What is known of each portfolio, those inside first.
    steps : list of dict
        Name, duration and changes of each stage that has run, as a manifest has them.
    outputs : dict of str to str
        Digests of what the stages so far have made, by name.
    """

    def __init__(
        self, ledger: Ledger, run_id: str, root: str, metas: Mapping[str, MetaConfig]
    ) -> None:
        self.run_id = run_id
        self._ledger, self._about = ledger, {"run_id": run_id, "meta": root}
        names = nested(root, metas)
        self.contexts = {name: MetaContext(run_id=run_id, name=name) for name in names}
        self.steps: list[dict[str, Any]] = []
        self.outputs: dict[str, str] = {}

    @contextmanager
    def stage(self, name: str, *, inputs: Mapping[str, str], **about: Any) -> Iterator[Action]:
        """Record a stage.

        Parameters
        ----------
        name : str
            Its name.
        inputs : mapping of str to str
            Digests of what it reads, by name.
        **about : Any
            What else the records say.
        """
        before, started = dict(self.contexts), clock().seconds()
        context = {**self._about, **about}
        with self._ledger.action(name, context=context, inputs=inputs) as action:
            yield action
            changed = {one: now.diff(before[one]).to_dict() for one, now in self.contexts.items()}
            action.outcome["changed"] = changed
            self.outputs |= action.outputs
        seconds = clock().seconds() - started
        self.steps.append({"name": name, "seconds": seconds, "changed": changed})

    def solved(self, found: Mapping[str, MetaPortfolio]) -> str:
        """Take over streams and weights, and return the digest of all solves."""
        for name, meta in found.items():
            windows = {"windows": len(meta.windows), "in_cash": sum(meta.in_cash.values())}
            self._hand_on(
                name,
                counts={**_counts_of_days(meta), **windows},
                members=tuple(member.name for member in meta.config.members),
                streams=_streams(meta),
                first=str(meta.common[0]),
                last=str(meta.common[-1]),
                weights=_last_weights(meta),
                parameters={
                    "profiles": [choice.to_dict() for choice in meta.config.profiles],
                    "windows": meta.config.windows.model_dump(mode="json"),
                    "bounds": meta.config.bounds.model_dump(mode="json"),
                },
            )
        return digest_parts(solve.key for meta in found.values() for solve in meta.every_solve)

    def simulated(self, found: Mapping[str, MetaPortfolio]) -> str:
        """Take over how many paths there are, and return the digest of all."""
        for name, meta in found.items():
            self._hand_on(name, counts={"paths": len(meta.paths), "absent": len(meta.absent)})
        return digest_parts(path.key for meta in found.values() for path in meta.paths)

    def flattened(self, tables: Mapping[str, MetaTables]) -> None:
        """Take over what is physically held."""
        for name, one in tables.items():
            symbols = len(one.holdings["symbol"].unique())
            held = {"holdings": one.holdings.num_rows, "symbols": symbols}
            self._hand_on(name, counts=held)

    def _hand_on(self, name: str, *, counts: Mapping[str, int], **changes: Any) -> None:
        before = self.contexts[name]
        self.contexts[name] = before.with_changes(counts={**before.counts, **counts}, **changes)


def _counts_of_days(meta: MetaPortfolio) -> dict[str, int]:
    """Return how many days are common, and how many of each member's own are not."""
    own = {
        name: len(set(days.astype("datetime64[D]").tolist())) for name, days in meta.days.items()
    }
    beyond = {f"not_common/{name}": count - len(meta.common) for name, count in own.items()}
    return {"common_days": len(meta.common), **beyond}


def _streams(meta: MetaPortfolio) -> dict[str, str]:
    """Return the digest of the levels that may stand for each member in each family."""
    columns: dict[str, list[str]] = {}
    for family in meta.families:
        for column, stream in enumerate(family.streams):
            own = columns.setdefault(f"{stream.member}/{family.profile.label}", [])
            own += ["/".join(stream.cell), digest_array(family.levels[:, column])]
    return {place: digest_parts(parts) for place, parts in columns.items()}


def _last_weights(meta: MetaPortfolio) -> dict[str, float]:
    return {
        f"{profile}/{member}": weight
        for profile, solves in meta.solves.items()
        for member, weight in zip(solves[-1].members, solves[-1].weights.tolist(), strict=True)
    }
