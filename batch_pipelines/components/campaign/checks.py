"""The asset checks of a campaign: everybody accounted for, nothing ambiguous, few bounces."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from batch_pipelines.campaigns.declaration.catalog import Entry
from batch_pipelines.components.campaign.steps import open_campaigns
from batch_pipelines.components.metadata import check_result
from batch_pipelines.orchestration.names import checks_name

if TYPE_CHECKING:
    from batch_pipelines.campaigns.reviewing import Review

ADDS_UP, AMBIGUOUS, BOUNCES = "states_add_up", "nothing_ambiguous", "bounce_rate"
MOST_BOUNCES = 0.05
ABOUT = {
    ADDS_UP: "Every recipient of the frozen audience is in exactly one state.",
    AMBIGUOUS: "Warns while it is not known whether a mail was accepted. `bp campaign ambiguous` lists them.",
    BOUNCES: f"Warns where more than {MOST_BOUNCES:.0%} of the mails came back or were refused for good.",
}
BLOCKING = (ADDS_UP,)


def campaign_checks(entry: Entry) -> dg.AssetChecksDefinition:
    """Return the checks of a campaign."""
    name = entry.declaration.name

    @dg.multi_asset_check(
        name=checks_name(name),
        description=f"Looks at every occurrence of {name} as it is now. Changes nothing; may be run at any time.",
        specs=[
            dg.AssetCheckSpec(check, asset=name, description=text, blocking=check in BLOCKING)
            for check, text in ABOUT.items()
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with open_campaigns() as campaigns:
            reviews = [campaigns.review(each.id) for each in campaigns.ledger.occurrences.of_campaign(name)]
        for result in check_reviews(name, [each for each in reviews if each.occurrence.audience]):
            if dg.AssetCheckKey(dg.AssetKey(name), str(result.check_name)) in context.selected_asset_check_keys:
                yield result

    return checks


def check_reviews(name: str, reviews: "Sequence[Review]") -> Iterator[dg.AssetCheckResult]:
    """Check occurrences of a campaign."""
    off = [each for each in reviews if not each.adds_up]
    yield _result(name, ADDS_UP, off, "everybody is accounted for")
    unsure = [each for each in reviews if each.figures["ambiguous"]]
    held = sum(each.figures["ambiguous"] for each in unsure)
    yield _result(name, AMBIGUOUS, unsure, f"{held:,} mails are ambiguous")
    high = [each for each in reviews if each.bounce_rate > MOST_BOUNCES]
    most = max((each.bounce_rate for each in reviews), default=0.0)
    yield _result(name, BOUNCES, high, f"at most {most:.1%} of an occurrence bounced")


def _result(name: str, check: str, wrong: "Sequence[Review]", said: str) -> dg.AssetCheckResult:
    rows = [{"occurrence": each.occurrence.partition, **each.figures} for each in wrong]
    return check_result(name, check, rows, said, blocking=check in BLOCKING, title="occurrences")
