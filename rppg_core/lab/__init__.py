"""The lab: what simulates, trains and compares, and nobody needs who only analyses a video."""
