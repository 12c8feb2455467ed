"""What each simulated domain labels: leave-one-domain-out of PhysMLE, as its released code trains.

VIPL's wave does not fit its video.
"""

LABELLED = {
    "ubfc-like": {"bvp", "hr"},
    "buaa-like": {"bvp", "hr"},
    "pure-like": {"bvp", "hr", "spo2"},
    "vipl-like": {"hr", "spo2"},
    "v4v-like": {"hr", "rr"},
    "hcw-like": {"bvp", "hr", "rr"},
}
