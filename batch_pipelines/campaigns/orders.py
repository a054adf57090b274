"""How a campaign is sent through a relay: connections, limits, policy, by what both declare. Pure."""

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.campaigns.sending.limits import Limit
from batch_pipelines.campaigns.sending.sender import Orders
from batch_pipelines.campaigns.sending.verdicts import Policy
from batch_pipelines.core.declaring.rates import Rate, read_rate
from batch_pipelines.core.mailings import Screen
from batch_pipelines.delivery.relays import Relay


def policy_of(declaration: CampaignDeclaration) -> Policy:
    """Return a campaign's policy."""
    return Policy(declaration.attempts, declaration.max_age, declaration.ambiguous)


def orders_of(declaration: CampaignDeclaration, relay: Relay) -> Orders:
    """Return how a campaign is sent through a relay; to files without limits, as nobody is in a hurry to read them."""
    screen = Screen(declaration.scope, declaration.exclude)
    connections = min(declaration.limits.connections or relay.connections, relay.connections)
    limits = limits_of(declaration, relay) if relay.is_real else []
    return Orders(connections, limits, policy_of(declaration), screen)


def limits_of(declaration: CampaignDeclaration, relay: Relay) -> list[Limit]:
    """Return all limits that hold for a campaign's messages to a relay."""
    limits = [Limit(f"campaign:{declaration.name}", rate) for rate in declaration.limits.campaign]
    if relay.per_second is not None:
        whole = relay.per_second >= 1
        rate = Rate(int(relay.per_second), 1.0) if whole else Rate(1, 1 / relay.per_second)
        limits.append(Limit(f"relay:{relay.name}", rate))
    named = {domain: read_rate(text) for domain, text in declaration.limits.per_domain.items()}
    others = named.pop("*", None)
    limits += [Limit(f"domain:{relay.name}", rate, domain=domain) for domain, rate in named.items()]
    if others is not None:
        limits.append(Limit(f"domain:{relay.name}", others, by_domain=True, but=frozenset(named)))
    return limits
