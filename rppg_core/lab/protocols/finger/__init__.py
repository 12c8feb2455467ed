"""SpO2 of fingers on a lens, by `make finger-table DATA=DIR`: ratios and a network, beside controls without a pulse.

Every recording is cut into windows of 10 s that overlap by half. Two splits of each recording:
    interleaved blocks   every other minute tests, then the others do, and both are pooled; windows of the fit keep
                         20 s away from every minute that tests
    by half              one half fits and the other tests, both ways apart, with the same gap
With several subjects there is a third: one subject tests, and the others fit. A fit sees nothing of what tests.

Controls: the constant; time alone, as a line and, as in `oximetry`, as a cubic (far off by half, where it has to
extrapolate); the level of red alone, and of three colours. Ratios of pulses, each relative to its level: by standard
deviation in a narrow band around the heart rate, and by lock-in, the part that moves with green in that band. The
network is `models.tastnet.trend`, trained on the windows of the fit. It has controls of its own, trained and tested
on frames in random order, where level and spread of the colours stay, and on frames without the band that is
magnified, where the level alone stays.
`windows` reads and cuts, `folds` splits, `table` fits, judges and prints.
Source: layout and experiment of Hoffman et al. 2022, npj Digital Medicine 5 (see `oximetry`); our choice: the splits,
the limits of light and pulse, and the rule that a claim has to beat every control.
"""
