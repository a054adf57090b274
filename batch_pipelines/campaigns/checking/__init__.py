"""Whether a campaign may go out: everybody's message written once, and what the domain says."""
